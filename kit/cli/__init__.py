"""The command line: one file per command in ``commands``, found by listing."""

from __future__ import annotations

import gc
import importlib
import pkgutil
import signal
import sys
from contextlib import suppress
from typing import Any

import click

from kit import __version__
from kit.cli import commands, streams
from kit.errors import KitError, RunError, nearest, plain


class Commands(click.Group):
    """Commands found by listing; unknown names get near ones."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        modules = pkgutil.iter_modules(commands.__path__)
        return sorted(module.name.rstrip("_") for module in modules)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import one command."""
        for module in pkgutil.iter_modules(commands.__path__):
            if module.name.rstrip("_") == name:
                found = importlib.import_module(f"{commands.__name__}.{module.name}")
                command: click.Command = found.command
                return command
        return None

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find a command, or say which near ones there are."""
        name = click.utils.make_str(args[0])
        if self.get_command(ctx, name) is None:
            raise KitError(f"unknown command {name!r}{nearest(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kit")
def cli() -> None:
    """Reproduce the tables of DASH and NAS-Bench-360.

    Start with 'kit reproduce --table 5 --profile lite'. Data and results are in the checkout, or in
    the current folder if there is no checkout; KIT_DATA and KIT_RESULTS name other folders.
    """


def main() -> None:
    """Run the command line: 0 done, 1 a run failed, 2 a mistake, 69 no engine, 75 busy, 130."""
    streams.prepare()
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        # As Ctrl-C, after which what is half there is removed, and temporary folders are.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    code, output = 0, sys.stdout
    try:
        code = cli(prog_name="kit", standalone_mode=False)
        streams.flush()
    except (KitError, RunError) as error:
        code = _report(str(error), error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        code = 0
    except click.ClickException as error:
        code = _report(error.format_message(), 2)
    except (KeyboardInterrupt, click.Abort):
        code = _report("interrupted; the same command resumes", 130)
    except BrokenPipeError:
        # The reader of a pipe, such as head, has seen enough.
        sys.stderr.close()
    except SystemExit:
        if sys.stdout is output:  # else click has met the same, and its 1 would be a failed run
            raise
    except OSError as error:
        streams.abandon()
        code = _report(streams.refusal(error), 2)
    gc.freeze()  # Python's end would look for garbage among all objects of torch: 0.2 s
    sys.exit(code if isinstance(code, int) else 0)


def _report(line: str, code: int) -> int:
    with suppress(OSError):
        click.echo(f"kit: {plain(line)}", file=streams.errors())
    return code
