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
"""Of data sets in the paper's order, by their names in archives or of tasks, in small letters and
digits alone."""
VISION = ("cifar10", "cifar100", "imagenet16120")
DIVERSE = ("ninapro", "darcyflow")
REFERENCE = "cifar100"
TASKS = ("ninapro", "darcy-flow")
OVERRIDES: Mapping[Profile, tuple[str, ...]] = {"smoke": ("subset=1", "neighbours=true")}
"""Importance needs a whole neighbourhood."""
TIERS: Mapping[tuple[str, Profile], Tier] = {("ninapro", "lite"): "sample"}
"""Where the data are there: of synthetic gestures a picture says nothing."""
