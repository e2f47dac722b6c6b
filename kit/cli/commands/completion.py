"""``kit completion``: the script that makes a shell complete kit's words."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command(name="completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script for tab completion in SHELL.

    To use it in bash: eval "$(kit completion bash)".
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.ClickException(f"no completion for {shell}")
    root = ctx.find_root().command
    click.echo(found(root, {}, "kit", "_KIT_COMPLETE").source())
