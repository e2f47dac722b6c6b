"""``kit run``: one method on one task, in this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kit.cli import options
from kit.errors import KitError, RunError
from kit.spec import SEEDS

if TYPE_CHECKING:
    from kit.runs.records import Result
    from kit.spec import Profile, Protocol, RunSpec, Tier


@click.command(name="run")
@click.argument("task_name", metavar="TASK", type=options.TASK)
@click.argument("method_name", metavar="METHOD", type=options.METHOD)
@click.option(
    "--seed",
    "seeds",
    multiple=True,
    type=options.SEED,
    envvar="KIT_SEEDS",
    show_envvar=True,
    help="Repeatable; default: 0, 1, 2.",
)
@options.profile
@options.protocol
@options.tier
@click.option(
    "-o", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a setting; repeatable."
)
@click.option("--architecture", type=click.Path(path_type=Path), help="Skip the search: use this.")
@click.option("--until", metavar="STAGE", help="Stop after this stage.")
@options.device
@click.option("--gpus", help="Which GPUs may be taken: 0,1 or UUIDs; default: KIT_GPU, else any.")
@click.option(
    "--threads",
    type=options.THREADS,
    envvar="KIT_THREADS",
    show_envvar=True,
    help="On the CPU; default: one, in profile paper all.",
)
@options.allow_unpinned
@click.option(
    "--trials-on",
    metavar="HOST:PORT",
    help="Train the trials of wrn-asha on this Ray cluster; auto: the one this machine is part of.",
)
@options.tensorboard
@options.force
@options.formats("text", "json")
def command(
    task_name: str,
    method_name: str,
    seeds: tuple[int, ...],
    profile: Profile,
    protocol: Protocol | None,
    tier: Tier | None,
    overrides: tuple[str, ...],
    architecture: Path | None,
    until: str | None,
    device: str | None,
    gpus: str | None,
    threads: int | None,
    trials_on: str | None,
    allow_unpinned: bool,
    force: bool,
    form: str,
) -> None:
    """Run METHOD on TASK for each seed.

    What is done already is kept, the rest resumes. A setting is changed by -o, e.g.
    -o search.epochs=10; such a run fills no table. A seed that fails stops no other; the exit code
    is then 1.
    """
    from kit import method, papers, task
    from kit.data.preparing import choose_tier
    from kit.files import canonical_json

    the_task, info = task.find(task_name), method.find(method_name)
    protocol = protocol or ("released" if papers.has_task(task_name) else "clean")
    chosen = choose_tier(the_task, profile, tier)
    if architecture is not None:
        if "architecture" not in info.settings_type.__struct_fields__:
            raise KitError(f"method {method_name} searches nothing: it takes no --architecture")
        overrides += (f"architecture={_architecture(architecture)}",)
    specs = [
        info.spec(
            the_task,
            seed,
            protocol=protocol,
            profile=profile,
            tier=chosen,
            overrides=overrides,
        )
        for seed in seeds or SEEDS
    ]
    if "KIT_IMAGE_ID" in os.environ:
        from kit.containers import lock

        lock.compare(os.environ["KIT_IMAGE_ID"], task_name, allow_unpinned)
    options.needs_gpu(profile, device, force)
    if missing := info.missing():
        raise KitError(missing)

    from kit.engines import leases

    # Of several processes that torchrun started, the first one speaks.
    silent = os.environ.get("RANK", "0") != "0"

    def log(line: str) -> None:
        if not silent:
            click.echo(line, err=form == "json")

    with leases.for_this_process(info.gpus, device, wanted=gpus, log=log):
        results, failures = _run(specs, device, threads, until, trials_on, log)
    if form == "json" and not silent:
        click.echo(canonical_json(results))
    if failures:
        raise click.exceptions.Exit(1)


def _run(
    specs: Sequence[RunSpec],
    device: str | None,
    threads: int | None,
    until: str | None,
    trials_on: str | None,
    log: Callable[[str], None],
) -> tuple[list[Result], int]:
    """Execute the runs; returns their results and how many failed."""
    # With torch, and only now: a mistake should not wait for it, and CUDA must see nothing but
    # the GPUs that were leased.
    from kit.cli.progress import bars
    from kit.engines.execute import Options, execute

    results, failures = [], 0
    with bars() as show:
        for spec in specs:
            try:
                with _events(spec) as add_events:

                    def notify(stage: str, epoch: int, epochs: int, loss: float) -> None:
                        show({f"{stage}, epoch {epoch}, loss {loss:.4g}": (epoch, epochs)})
                        add_events()

                    how = Options(
                        device=device,
                        threads=threads,
                        until=until,
                        notify=notify,
                        log=log,
                        trials_on=trials_on,
                    )
                    result = execute(spec, how)
            except RunError as error:
                click.echo(f"kit: {error}", err=True)
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

    if not tensorboard.wanted() or os.environ.get("RANK", "0") != "0":
        yield lambda: None
        return
    with tensorboard.events(RunFolder(spec).path) as update:
        yield update


def _architecture(file: Path) -> str:
    """Read [[layer, kernel size, dilation], ...], or a ``result.json`` that has it, as TOML."""
    import msgspec

    from kit.files import canonical_json

    try:
        content = msgspec.json.decode(file.read_bytes())
    except msgspec.DecodeError as error:
        raise KitError(f"{file}: {error}") from None
    if isinstance(content, dict):
        content = (content.get("architecture") or {}).get("value")
    try:
        layers = [(str(name), int(k), int(d)) for name, k, d in content]
    except (TypeError, ValueError):
        raise KitError(f"{file} is no list of [layer, kernel size, dilation]") from None
    # A string of JSON is one of TOML too.
    named = (f"{canonical_json(name).decode()} = [{k}, {d}]" for name, k, d in layers)
    return "{ " + ", ".join(named) + " }"
