"""Studies of the kit's own, such as ablations: variants of a method, a ``.toml`` file each."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from kit import method
from kit.errors import unknown
from kit.spec import SEEDS, Kind, RunSpec
from kit.task import Task

FOLDER = Path(__file__).resolve().parent


class StudyVariant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row: what the settings are changed to, as ``-o`` would.

    Attributes:
        against: the title of the row that it is compared with; None for the first one.
        method: None for the study's.
        seeds: where none are asked for.
    """

    title: str
    overrides: tuple[str, ...] = ()
    against: str | None = None
    method: str | None = None
    seeds: tuple[int, ...] = SEEDS


class Study(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A method, and its variants."""

    title: str
    method: str
    variants: tuple[StudyVariant, ...]


def names() -> list[str]:
    """Return the names of the studies."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def find(name: str) -> Study:
    """Return a study.

    Raises:
        KitError: there is none of that name; near names are suggested.
    """
    if name not in names():
        raise unknown("study", name, names())
    return msgspec.convert(
        tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8")), Study
    )


def specs(
    study: Study, task: Task, seeds: Sequence[int], kind: Kind
) -> Mapping[str, list[RunSpec]]:
    """Return the runs of each variant, one per seed, by the variant's title.

    Args:
        study: what varies.
        task: of all runs.
        seeds: of all variants; none for each variant's own.
        kind: of all runs.

    Raises:
        KitError: a method does not apply to the task.
    """
    return {
        variant.title: [
            method.find(variant.method or study.method).spec(
                task, seed, **kind._asdict(), overrides=variant.overrides
            )
            for seed in seeds or variant.seeds
        ]
        for variant in study.variants
    }
