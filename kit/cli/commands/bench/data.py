"""``kit bench data``: how fast samples are loaded."""

from __future__ import annotations

import click

from kit import lazy
from kit.cli import options
from kit.cli.commands.bench.shared import device, rounds, threads
from kit.cli.output import print_json
from kit.errors import KitError
from kit.spec import Profile, Tier


@click.command(name="data")
@click.option(
    "--task",
    "tasks",
    multiple=True,
    type=options.TASK,
    help="Only this task; may be repeated. Default: all with prepared data.",
)
@options.profile
@options.tier
@threads
@rounds(5)
@device
@options.formats("text", "json")
def bench_data(
    tasks: tuple[str, ...],
    profile: Profile,
    tier: Tier | None,
    threads: int | None,
    rounds: int,
    device: str,
    form: str,
) -> None:
    """Measure how fast the samples of each task are loaded.

    The output has samples per second, and the share of a training step of WRN. Without --task, it
    has all tasks whose data are prepared for the profile.
    """
    from kit import task
    from kit.cli.progress import bar
    from kit.data.preparing import choose_tier, state

    with lazy.torch_at_once():
        from kit.bench import data as bench

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
        print_json(rows)
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
