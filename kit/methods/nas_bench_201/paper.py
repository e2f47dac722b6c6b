"""What Figures 3 and 4 of NAS-Bench-360 show, and the runs that make small tables for them."""

from __future__ import annotations

from collections.abc import Mapping

from kit.spec import Profile, Tier

TITLES = {
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "imagenet16120": "ImageNet16-120",
    "ninapro": "NinaPro",
    "darcyflow": "Darcy Flow",
}
"""Titles of data sets in the paper's order, by their names in archives or as tasks, reduced to
small letters and digits."""
VISION = ("cifar10", "cifar100", "imagenet16120")
DIVERSE = ("ninapro", "darcyflow")
REFERENCE = "cifar100"
TASKS = ("ninapro", "darcy-flow")
OVERRIDES: Mapping[Profile, tuple[str, ...]] = {"smoke": ("subset=1", "neighbours=true")}
"""Settings of the runs by profile; importance needs all neighbours of a cell."""
TIERS: Mapping[tuple[str, Profile], Tier] = {("ninapro", "lite"): "sample"}
"""Tiers by task and profile, where not the default: synthetic gestures would say nothing."""
