"""What ``kit run`` is to run: as somebody has typed it, or as an engine has left it in a file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kit.cli import options
from kit.errors import KitError
from kit.spec import SEEDS

if TYPE_CHECKING:
    from kit.method import MethodInfo
    from kit.spec import Profile, Protocol, RunSpec, Tier

# The parameters of the command that say which run it is.
SPECIFYING = ("seeds", "profile", "protocol", "tier", "overrides", "architecture")


def of_file(file: Path, task_name: str | None) -> RunSpec:
    """Return the spec in a file.

    Raises:
        KitError: the command line says, too, what the run is; or see ``handover.read``.
    """
    from kit.engines import handover

    if task_name is not None or options.given(SPECIFYING):
        raise KitError(
            "--spec says all of what the run is: leave out TASK, METHOD, --seed, --profile, "
            "--protocol, --tier, -o and --architecture"
        )
    return handover.read(file)


def as_asked(
    task_name: str,
    method_name: str,
    *,
    seeds: tuple[int, ...],
    profile: Profile,
    protocol: Protocol | None,
    tier: Tier | None,
    overrides: tuple[str, ...],
    architecture: str | None = None,
) -> list[RunSpec]:
    """Return a spec for each seed, by the options of these names."""
    from kit import method, papers, task
    from kit.data.preparing import choose_tier

    the_task, info = task.find(task_name), method.find(method_name)
    protocol = protocol or papers.usual_protocol(task_name)
    chosen = choose_tier(the_task, profile, tier)
    of = partial(info.spec, the_task, protocol=protocol, profile=profile, tier=chosen)
    specs = [of(seed=seed, overrides=overrides) for seed in seeds or SEEDS]
    if architecture is None:
        return specs
    return [_given(info, architecture, spec, of) for spec in specs]


def _given(
    info: MethodInfo, architecture: str, spec: RunSpec, of: Callable[..., RunSpec]
) -> RunSpec:
    """Return a spec with an architecture in place of its search."""
    from kit.method import architectures

    override = architectures.override(info, architecture, spec.task, spec.seed)
    try:
        return of(seed=spec.seed, overrides=(*spec.overrides, override))
    except KitError as error:
        raise KitError(f"{architecture}: {error}") from None
