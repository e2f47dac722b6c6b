"""``kit run``: one method on one task, in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kit.cli import in_process, options
from kit.cli.specs import SPECIFYING, as_asked, of_file
from kit.cli.types import FilePath
from kit.errors import KitError


@click.command(name="run")
@click.argument("task_name", metavar="[TASK", type=options.TASK, required=False)
@click.argument("method_name", metavar="METHOD]", type=options.METHOD, required=False)
@click.option(
    "--spec",
    "spec_file",
    type=FilePath(read=True),
    metavar="FILE",
    help="Instead of TASK and METHOD: the spec.json in the folder of a run. Used by engines.",
)
@click.option(
    "--seed",
    "seeds",
    multiple=True,
    type=options.SEED,
    envvar="KIT_SEEDS",
    show_envvar=True,
    help=options.SEED_HELP,
)
@options.profile
@options.protocol
@options.tier
@click.option(
    "-o", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a setting; may be repeated."
)
@click.option(
    "--architecture",
    metavar="FILE|released",
    help="Skip the search; use the architecture in this file, or the one released for each seed.",
)
@click.option("--until", metavar="STAGE", help="Stop after this stage. Default: run all stages.")
@options.device
@options.gpus
@options.threads
@options.allow_unpinned
@options.trials_on
@options.tensorboard
@options.force
@options.formats("text", "json")
def command(
    task_name: str | None, method_name: str | None, spec_file: Path | None, **parameters: Any
) -> None:
    """Run METHOD on TASK, once for each seed.

    Finished runs are kept, and unfinished ones resume. -o changes a setting, for example
    -o search.epochs=10; tables leave out such runs. If a seed fails, the others still run, and the
    exit code is 1.
    """
    specifying = {name: parameters.pop(name) for name in SPECIFYING}
    if spec_file is not None:
        specs = [of_file(spec_file, task_name)]
    elif task_name is None or method_name is None:
        raise KitError("say which run: TASK METHOD, or --spec FILE")
    else:
        specs = as_asked(task_name, method_name, **specifying)
    in_process.run(specs, planned=spec_file is not None, **parameters)
