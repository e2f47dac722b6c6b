"""``kit bench epoch``: search epochs of DASH's Table 8."""

from __future__ import annotations

import click

from kit.cli import checks, options
from kit.cli.output import print_json
from kit.spec import Profile, Tier


@click.command(name="epoch")
@options.profile
@options.tier
@options.device
@options.force
@options.formats("text", "json")
def bench_epoch(
    profile: Profile, tier: Tier | None, device: str | None, force: bool, form: str
) -> None:
    """Measure the search epochs of DASH's Table 8.

    Each of the two ImageNet supernets is measured in three ways.
    """
    checks.needs_gpu(profile, device, force)
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
        print_json(measured)
        return
    click.echo(str(measured))
    ours = {each.method: each.seconds for each in measured.epochs if each.strategy == "dash"}
    for each in measured.epochs:
        ratio = each.seconds / ours[each.method]
        click.echo(
            f"  {each.method:14} {each.parameters / 1e6:6.2f} M  {each.strategy:14} "
            f"{each.seconds:9.3f} s  {ratio:6.2f} x dash"
        )
