"""``kit run``: one method on one task, in this process."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kit.cli import checks, options
from kit.cli.output import tell, warn
from kit.cli.specs import as_asked, of_file
from kit.cli.types import FilePath
from kit.errors import KitError, RunError, plain

if TYPE_CHECKING:
    from kit.runs.records import Result
    from kit.spec import RunSpec


@click.command(name="run")
@click.argument("task_name", metavar="[TASK", type=options.TASK, required=False)
@click.argument("method_name", metavar="METHOD]", type=options.METHOD, required=False)
@click.option(
    "--spec",
    "spec_file",
    type=FilePath(),
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
@click.option(
    "--threads",
    type=options.THREADS,
    envvar="KIT_THREADS",
    show_envvar=True,
    help="Threads on the CPU. Default: one; in profile paper, all.",
)
@options.allow_unpinned
@options.trials_on
@options.tensorboard
@options.force
@options.formats("text", "json")
def command(
    task_name: str | None,
    method_name: str | None,
    spec_file: Path | None,
    device: str | None,
    gpus: str | None,
    threads: int | None,
    until: str | None,
    trials_on: str | None,
    allow_unpinned: bool,
    force: bool,
    form: str,
    **asked: Any,
) -> None:
    """Run METHOD on TASK, once for each seed.

    Finished runs are kept, and unfinished ones resume. -o changes a setting, for example
    -o search.epochs=10; tables leave out such runs. If a seed fails, the others still run, and the
    exit code is 1.
    """
    from kit import method
    from kit.files import canonical_json

    if spec_file is not None:
        specs = [of_file(spec_file, task_name)]
    elif task_name is None or method_name is None:
        raise KitError("say which run: TASK METHOD, or --spec FILE")
    else:
        specs = as_asked(task_name, method_name, **asked)
    first = specs[0]
    info = method.find(first.method)
    info.check_stage(until)
    if "KIT_IMAGE_ID" in os.environ:
        from kit.containers import lock

        lock.compare(os.environ["KIT_IMAGE_ID"], first.task, allow_unpinned)
    # With --spec the planner has prepared the data and seen to a GPU before it started this run.
    by_hand = spec_file is None
    if by_hand:
        _make_ready(specs, device, force)
    elif missing := info.missing():
        raise KitError(missing)

    from kit.engines import leases

    def log(line: str) -> None:
        if _speaks():
            click.echo(plain(line), err=form == "json")

    with leases.for_this_process(info.gpus, device, wanted=gpus, log=log):
        results, failures = _run(
            specs,
            log,
            device=device,
            threads=threads,
            until=until,
            trials_on=trials_on,
            trials_needed=by_hand,
        )
    if form == "json" and _speaks():
        click.echo(canonical_json(results))
    if failures:
        raise click.exceptions.Exit(1)


def _speaks() -> bool:
    """Tell whether this process is to print: of several that torchrun started, the first one."""
    return os.environ.get("RANK", "0") == "0"


def _make_ready(specs: Sequence[RunSpec], device: str | None, force: bool) -> None:
    """Prepare the data of runs that somebody has typed, and refuse what cannot be run here.

    Of a task of one's own the data come first: they tell how many samples there are, which the
    estimate of hours needs.

    Raises:
        KitError: they take too long without a GPU, or need a package that is not installed.
    """
    from kit import method, task

    first = specs[0]
    own = task.find(first.task).about is None
    if own:
        _prepare(first)
    checks.needs_gpu(first.profile, device, force, specs=specs)
    if missing := method.find(first.method).missing():
        raise KitError(missing)
    if not own:
        _prepare(first)


def _prepare(spec: RunSpec) -> None:
    """Prepare the data of a run where that needs no network; else the run's error says what to do.

    In a container the data folder is read-only: small generated data are prepared in a temporary
    folder, which ends with the container.
    """
    from kit import task
    from kit.cli.preparing import prepare
    from kit.data.prepared import generated
    from kit.plan.data import data_of

    data = data_of(task.find(spec.task), spec.tier, spec.profile)
    if "KIT_IMAGE_ID" in os.environ and not data.ready:
        if not generated(spec.tier) or spec.profile == "paper":
            return
        kept = f"'{data.command}' makes data that are kept"
        tell(f"{data.task}: data for this container alone; {kept}")
        os.environ["KIT_DATA"] = tempfile.mkdtemp(prefix="kit-data-")
    if data.automatic:
        prepare(data, spec.profile)


def _run(
    specs: Sequence[RunSpec], log: Callable[[str], None], **how: Any
) -> tuple[list[Result], int]:
    """Execute the runs; return their results and how many failed.

    Args:
        specs: of the runs, one after the other.
        log: takes a line for the user.
        how: fields of ``ExecuteOptions``.
    """
    # They import torch. That takes seconds, which no mistake on the command line should wait for,
    # and CUDA must see nothing but the GPUs that were leased before.
    from kit.cli.progress import bars
    from kit.engines.execute import ExecuteOptions, execute

    results, failures, execution = [], 0, ExecuteOptions(log=log, **how)
    with bars() as show:
        for spec in specs:
            try:
                with _events(spec) as add_events:

                    def notify(stage: str, epoch: int, epochs: int, loss: float) -> None:
                        show({f"{stage}, epoch {epoch}, loss {loss:.4g}": (epoch, epochs)})
                        add_events()

                    result = execute(spec, replace(execution, notify=notify))
            except RunError as error:
                warn(plain(str(error)))
                failures += 1
                continue
            if result is not None:
                results.append(result)
                scores = ", ".join(_words(name, m.value) for name, m in result.metrics.items())
                log(f"{spec}: {scores}")
    return results, failures


def _words(name: str, value: float | None) -> str:
    return f"{name} " + ("is not a number" if value is None else f"{value:.6g}")


@contextmanager
def _events(spec: RunSpec) -> Iterator[Callable[[], None]]:
    """Yield what adds the run's latest numbers to its TensorBoard events, if they are wanted."""
    from kit.runs import tensorboard
    from kit.runs.folder import RunFolder

    if not (tensorboard.wanted() and _speaks()):
        yield lambda: None
        return
    with tensorboard.events(RunFolder(spec).path) as update:
        yield update
