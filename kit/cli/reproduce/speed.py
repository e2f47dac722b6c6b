"""What is measured here, without runs: the speed figures, and the search epochs of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kit import lazy
from kit.cli import checks
from kit.cli.preparing import prepare_task
from kit.cli.progress import bar

if TYPE_CHECKING:
    from kit.bench.step_times import StepTimes
    from kit.spec import Profile, Tier


def figure(
    number: int, form: str, profile: Profile, tier: Tier | None, device: str | None, force: bool
) -> None:
    """Measure a speed figure of DASH's and print it."""
    from kit.cli.commands.figure import show

    show(steps(number, profile, tier, device, force), None, form)


def steps(
    number: int, profile: Profile, tier: Tier | None, device: str | None, force: bool
) -> StepTimes:
    """Measure the steps of a speed figure of DASH's."""
    checks.needs_gpu(profile, device, force)
    from kit import task

    with lazy.torch_at_once():
        from kit.bench import speed
        from kit.engines import torch_device

    speed.places(number)
    chosen = prepare_task(task.find(speed.TASK), profile, tier)
    where = torch_device.choose(device)
    with bar(f"figure {number}") as progress:
        return speed.measure(number, profile, chosen, device=where, progress=progress)


def epochs(profile: Profile, tier: Tier | None, device: str | None, force: bool) -> None:
    """Measure the search epochs of DASH's Table 8."""
    checks.needs_gpu(profile, device, force)
    from kit import task

    with lazy.torch_at_once():
        from kit.bench import epochs
        from kit.engines import torch_device

    chosen = prepare_task(task.find(epochs.TASK), profile, tier)
    where = torch_device.choose(device)
    with bar("search epoch") as progress:
        epochs.measure(profile, chosen, device=where, progress=progress)
