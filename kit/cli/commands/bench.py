"""``kit bench``: speed claims, as ratios of interleaved medians."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from kit.allocator import keep_freed_memory
from kit.cli import options
from kit.errors import KitError, unknown

threads = click.option("--threads", type=options.THREADS, help="Default: all cores.")
methods = click.option("--method", "methods", multiple=True, help="Only this one; repeatable.")
device = click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    default="cpu",
    show_default=True,
    callback=lambda ctx, param, name: options.usable_device(name),
)

clock = click.option(
    "--processor-time",
    "clock",
    is_flag=True,
    callback=lambda ctx, param, asked: time.process_time if asked else time.perf_counter,
    help="Count that instead, for busy machines; all threads together, so take one.",
)


@click.group(name="bench")
def command() -> None:
    """Measure speed and memory; nothing is trained."""
    keep_freed_memory()


@command.command()
@click.option("--shapes", help="Only cases whose name contains this, e.g. '1D dense' or 'lite'.")
@methods
@threads
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True)
@click.option(
    "--cold", is_flag=True, help="Also straight after other work: steps of a plain layer, 20 ms."
)
@click.option("--no-peaks", is_flag=True, help="Leave out peak memory, which takes longest.")
@device
@clock
@options.formats("text", "json")
def aggconv(
    shapes: str | None,
    methods: tuple[str, ...],
    threads: int | None,
    rounds: int,
    cold: bool,
    no_peaks: bool,
    device: str,
    clock: Callable[[], float],
    form: str,
) -> None:
    """One layer of mixed convolutions, method by method.

    Forward and backward pass, the gradients of x, all weights and alpha.

    Beside the seconds: multiply-adds by the paper's formulas (its appendix A.2).
    """
    from kit.bench import aggconv as bench
    from kit.cli.progress import bar
    from kit.ops import METHODS

    known = (*METHODS, "auto", "autotune", bench.PLAIN)
    for name in methods:
        if name not in known:
            raise unknown("method", name, known)
    every = (*bench.CASES, *bench.LITE_CASES, *bench.DARCY_CASES)
    cases = [case for case in every if shapes in case.name] if shapes else list(bench.CASES)
    if not cases:
        raise unknown("shape", shapes or "", [case.name for case in every])
    rows: list[dict[str, Any]] = []
    with bar("aggconv") as progress:
        for number, case in enumerate(cases):
            progress(number, len(cases))
            measured = bench.measure(
                [case],
                methods or bench.DEFAULT_METHODS,
                threads=threads,
                rounds=rounds,
                cold=cold,
                peaks=not no_peaks,
                device=device,
                clock=clock,
            )
            for row in measured:
                work = bench.multiply_adds(case, row["method"])
                rows.append({**row, "multiply_adds": work})
    _show(rows, form)


@command.command()
@click.option(
    "--task", "tasks", multiple=True, type=options.TASK, help="Default: a 2D and a 1D one."
)
@methods
@click.option("--batch", type=click.IntRange(min=1), help="Samples per step; default: few.")
@click.option(
    "--batches", type=click.IntRange(min=1), default=2, show_default=True, help="Of an epoch."
)
@threads
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@device
@clock
@options.formats("text", "json")
def search(
    tasks: tuple[str, ...],
    methods: tuple[str, ...],
    batch: int | None,
    batches: int,
    threads: int | None,
    rounds: int,
    device: str,
    clock: Callable[[], float],
    form: str,
) -> None:
    """Epochs of DASH's search, and of its retraining.

    The search per method of the kernel, and beside a training of the plain backbone on the same
    batches; the retraining beside a plain torch loop.

    At the task's full shape, by what a run does: data, both optimisers and all.
    """
    from kit import plan, task
    from kit.bench import search as bench
    from kit.cli.preparing import prepare
    from kit.cli.progress import bar
    from kit.data import preparing
    from kit.ops import METHODS

    for name in methods:
        if name not in (*METHODS, "auto"):
            raise unknown("method", name, (*METHODS, "auto"))
    rows = []
    chosen = [task.find(name) for name in tasks or bench.TASKS]
    tiers = [preparing.choose_tier(each, bench.PROFILE, None) for each in chosen]
    for each, tier in zip(chosen, tiers, strict=True):
        prepare(plan.data_of(each, tier, bench.PROFILE), bench.PROFILE)
    with bar("search epoch") as progress:
        for number, (each, tier) in enumerate(zip(chosen, tiers, strict=True)):
            progress(number, len(chosen))
            rows += bench.measure(
                each.name,
                tier,
                methods or bench.STRATEGIES,
                batch_size=batch,
                batches=batches,
                threads=threads,
                rounds=rounds,
                device=device,
                clock=clock,
            )
    if form == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        what = f"{row['task']}, {row['epoch']} ({row['batches']} batches of {row['batch_size']})"
        click.echo(f"{what:58} {row['method']:14} {row['seconds']:9.3f} s  {row['ratio']:7.2f} x")


@command.command()
@click.option("--task", "tasks", multiple=True, type=options.TASK, help="Default: all prepared.")
@options.profile
@options.tier
@threads
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True)
@device
@options.formats("text", "json")
def data(
    tasks: tuple[str, ...],
    profile: Any,
    tier: Any,
    threads: int | None,
    rounds: int,
    device: str,
    form: str,
) -> None:
    """How fast each task's samples are loaded.

    In samples per second, and as a share of a training step of WRN.

    Without --task: those whose data are prepared for the profile.
    """
    from kit import task
    from kit.bench import data as bench
    from kit.cli.progress import bar
    from kit.data.preparing import choose_tier, state

    pairs = [(each, choose_tier(each, profile, tier)) for each in map(task.find, tasks)]
    if not tasks:
        every = [each for each in map(task.find, task.names()) if tier in (None, *each.tiers)]
        pairs = [(each, choose_tier(each, profile, tier)) for each in every]
        pairs = [(each, chosen) for each, chosen in pairs if state(each, chosen, profile).ready]
    if not pairs:
        raise KitError(f"no data are prepared for profile {profile}; see 'kit data list'")
    rows = []
    with bar("loading") as progress:
        for number, (each, chosen) in enumerate(pairs):
            progress(number, len(pairs))
            rows.append(
                bench.measure(each, profile, chosen, device=device, threads=threads, rounds=rounds)
            )
    if form == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    head = ("task", "tier", "batch", "samples/s", "loading ms", "step ms", "share", "opening s")
    widths = (16, 11, 6, 10, 10, 10, 6, 9)
    lines = [
        (
            row["task"],
            row["tier"],
            str(row["batch_size"]),
            f"{row['samples_per_second']:.0f}",
            f"{1e3 * row['loading_seconds']:.2f}",
            f"{1e3 * row['step_seconds']:.1f}",
            f"{100 * row['share']:.1f}%",
            f"{row['opening_seconds']:.2f}",
        )
        for row in rows
    ]
    for line in (head, *lines):
        words = [f"{word:>{width}}" for word, width in zip(line, widths, strict=True)]
        click.echo("  ".join([f"{line[0]:16}", f"{line[1]:11}", *words[2:]]))


@command.command()
@options.profile
@options.tier
@options.device
@options.force
@options.formats("text", "json")
def epoch(profile: Any, tier: Any, device: str | None, force: bool, form: str) -> None:
    """Search epochs of DASH's Table 8.

    Both ImageNet supernets, in three ways each.
    """
    options.needs_gpu(profile, device, force)
    import msgspec

    from kit import task
    from kit.bench import epochs
    from kit.cli.progress import bar
    from kit.data.preparing import choose_tier
    from kit.engines import torch_device

    chosen = choose_tier(task.find(epochs.TASK), profile, tier)
    where = torch_device.choose(device)
    with bar("search epoch") as progress:
        measured = epochs.measure(profile, chosen, device=where, progress=progress)
    if form == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(measured), indent=2))
        return
    click.echo(str(measured))
    ours = {each.method: each.seconds for each in measured.epochs if each.strategy == "dash"}
    for each in measured.epochs:
        ratio = each.seconds / ours[each.method]
        click.echo(
            f"  {each.method:14} {each.parameters / 1e6:6.2f} M  {each.strategy:14} "
            f"{each.seconds:9.3f} s  {ratio:6.2f} x dash"
        )


@command.command()
@threads
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@device
@options.formats("text", "json")
def experts(threads: int | None, rounds: int, device: str, form: str) -> None:
    """The experts' own layers beside plain ones.

    ROCKET's features, FNO's Fourier layer.
    """
    from kit.bench import experts as bench
    from kit.cli.progress import bar

    with bar("layers") as progress:
        rows = bench.measure(progress, threads=threads, rounds=rounds, device=device)
    if form == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(
            f"{row['case']:46} {1e3 * row['seconds']:9.1f} ms  {row['ratio']:5.2f} x "
            f"{row['plain']} (at most {row['target']:g}), answers {row['difference']:.0e} apart"
        )


@command.command()
@click.option("--space", "chosen", multiple=True, help="Only this one; repeatable.")
@threads
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--no-peaks", is_flag=True, help="Leave out peak memory.")
@device
@clock
@options.formats("text", "json")
def spaces(
    chosen: tuple[str, ...],
    threads: int | None,
    rounds: int,
    no_peaks: bool,
    device: str,
    clock: Callable[[], float],
    form: str,
) -> None:
    """Search steps of other spaces.

    Beside the same numbers computed module by module, as the papers describe them.
    """
    from kit.bench import spaces as bench
    from kit.cli.progress import bar

    known = bench.spaces()
    for name in chosen:
        if name not in known:
            raise unknown("space", name, known)
    rows: list[Mapping[str, Any]] = []
    names = chosen or tuple(known)
    with bar("spaces") as progress:
        for number, name in enumerate(names):
            progress(number, len(names))
            measured = bench.measure(
                name, threads=threads, rounds=rounds, peaks=not no_peaks, device=device, clock=clock
            )
            rows += measured
    _show(rows, form)


@command.command()
@options.formats("text", "json")
def gpu(form: str) -> None:
    """All of it that matters on a GPU, in one go, under ten minutes.

    AggConv in all forms, search epochs, memory, faster training, determinism, tests marked gpu.

    Writes results/speed/gpu-NAME.json and a page of Markdown beside it.
    """
    from kit.engines import torch_device

    if torch_device.choose(None) == "cpu":
        raise KitError("no GPU is usable here, and 'kit bench gpu' measures nothing else")
    import msgspec

    from kit.bench import gpu as bench
    from kit.bench.gpu.report import file_of, markdown
    from kit.cli.progress import bar

    with bar("gpu") as progress:
        report = bench.measure(progress=progress)
    if form == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(report), indent=2))
        return
    click.echo(markdown(report))
    options.tell(f"kept as {file_of(report.device, 'json')} and .md")


@command.command()
@options.formats("text", "json")
def queue(form: str) -> None:
    """What the kit itself takes.

    Per run, for a plan, for 'kit status', and by its order.
    """
    from kit.cli.progress import bar
    from kit.engines import measure

    with bar("queue") as progress:
        rows = measure.measure(progress)
    if form == "json":
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        far = row.get("estimates_far_off", {})
        note = "".join(f", {name} {value:.3f}" for name, value in far.items())
        note = f"; with estimates off by exp(N(0, 0.4)){note}" if far else ""
        bound = f"(at most {row['target']:g} {row['unit']}){note}"
        click.echo(f"{row['case']:36} {row['value']:8.3f} {row['unit']}  {bound}")


@command.command()
@click.option("--task", "task_name", type=options.TASK, required=True)
@click.option("--profile", type=click.Choice(["lite", "smoke"]), default="lite", show_default=True)
@options.tier
@click.option("--processes", type=click.IntRange(min=2), default=2, show_default=True)
@click.option("--cells", type=click.IntRange(min=4), default=26, show_default=True)
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@options.formats("text", "json")
def cells(
    task_name: str,
    profile: Any,
    tier: Any,
    processes: int,
    cells: int,
    rounds: int,
    form: str,
) -> None:
    """Cells of NAS-Bench-201 trained together.

    Several processes beside one, and what the kit takes of each cell.
    """
    from kit import task
    from kit.cli.preparing import prepare_task
    from kit.cli.progress import bar
    from kit.engines import measure_cells

    chosen = prepare_task(task.find(task_name), profile, tier)
    with bar("cells") as progress:
        rows = measure_cells.measure(
            task_name,
            profile,
            chosen,
            processes=processes,
            cells=cells,
            rounds=rounds,
            progress=progress,
        )
    if form == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        target = "" if row["target"] is None else f"  (wanted: {row['target']:g})"
        click.echo(f"{row['case']:42} {row['value']:8.3f} {row['unit']}{target}")


def _show(rows: Sequence[Mapping[str, Any]], form: str) -> None:
    """Print rows; in text each with its time relative to ``auto`` of the same case."""
    if form == "json":
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    auto = {row["case"]: row["seconds"] for row in rows if row["method"] == "auto"}
    case = None
    for row in rows:
        if row["case"] != case:
            case = row["case"]
            click.echo(case)
        text = f"  {row['method']:18} {row['seconds'] * 1000:10.2f} ms"
        if case in auto:
            text += f"  {row['seconds'] / auto[case]:8.2f} x auto"
        elif row.get("ratio") is not None:
            text += f"  {row['ratio']:6.2f} of the first"
        if row.get("cold_seconds") is not None:
            cold = row["cold_seconds"]
            text += f"  cold {cold * 1000:10.2f} ms  {cold / row['seconds']:5.2f} x"
        if row.get("peak_bytes") is not None:
            text += f"  {row['peak_bytes'] / 1e6:8.1f} MB"
        if row.get("multiply_adds") is not None:
            text += f"  {row['multiply_adds'] / 1e6:12.1f} M multiply-adds"
        click.echo(text)
