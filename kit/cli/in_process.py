"""Runs made in this process, as ``kit run`` and ``kit precompute`` make them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from kit import lazy
from kit.cli import checks
from kit.cli.output import tell, unheard, warn
from kit.errors import KitError, RunError, plain

if TYPE_CHECKING:
    from kit.runs.records import Result
    from kit.spec import RunSpec


def run(
    specs: Sequence[RunSpec],
    *,
    planned: bool = False,
    device: str | None = None,
    gpus: str | None = None,
    threads: int | None = None,
    until: str | None = None,
    trials_on: str | None = None,
    allow_unpinned: bool = False,
    force: bool = False,
    form: str = "text",
) -> None:
    """Make runs of one method on one task, one after the other, and print what came out.

    Args:
        specs: of the runs.
        planned: whether a planner has prepared the data and seen to a GPU before.
        device: ``cpu``, ``cuda``, or None for a GPU where there is one.
        gpus: those that may be leased; None for what ``KIT_GPU`` says.
        threads: of torch on the CPU; None for what the profile has.
        until: the stage to stop after; None for all stages.
        trials_on: where trials are trained; None for this process.
        allow_unpinned: whether an image may differ from the lock.
        force: whether full runs that take days without a GPU are made all the same.
        form: of what is printed: text or json.

    Raises:
        KitError: the runs cannot even begin.
        Exit: with 1, if one of them failed; the others were made all the same.
        OSError: the runs are done, but a line about them could not be written.
    """
    from kit import method

    first = specs[0]
    info = method.find(first.method)
    info.check_stage(until)
    if "KIT_IMAGE_ID" in os.environ:
        from kit.containers import lock

        lock.compare(os.environ["KIT_IMAGE_ID"], first.task, allow_unpinned)
    if not planned:
        _make_ready(specs, device, force)
    elif missing := info.missing():
        raise KitError(missing)

    from kit.engines import leases
    from kit.files import canonical_json

    with unheard(err=form == "json", forgive=planned) as say:

        def log(line: str) -> None:
            if _speaks():
                say(plain(line))

        with leases.for_this_process(info.gpus, device, wanted=gpus, log=log):
            results, failures = _execute(
                specs,
                log,
                device=device,
                threads=threads,
                until=until,
                trials_on=trials_on,
                trials_needed=not planned,
            )
        if form == "json" and _speaks():
            # After a failure the exit code must tell of it, whoever reads the rest.
            with suppress(OSError) if failures else nullcontext():
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


def _execute(
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

    with lazy.torch_at_once():
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
