"""The prepared samples of a role: whole folds, or a share of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kit.data.prepared import Prepared
from kit.errors import KitError
from kit.seeding import generator
from kit.settings import DataConfig, FoldShare
from kit.task import Task

Indices = npt.NDArray[np.int64]


def samples(task: Task, prepared: Prepared, config: DataConfig, role: str) -> Indices:
    """Return the indices (n,) of the prepared samples of a role, in their order.

    Raises:
        DataError: the prepared data have no such fold.
        KitError: the role's share of a fold is empty.
    """
    share = config.split.get(role)
    if share is None:
        parts = (prepared.fold(name)[: config.samples.get(name)] for name in config.folds(role))
        return np.concatenate(list(parts))
    folds = [prepared.fold(name) for name in share.names]
    chosen = _cut(task, prepared, np.concatenate(folds), share)
    most = sum(
        min(len(fold), config.samples.get(name, len(fold)))
        for name, fold in zip(share.names, folds, strict=True)
    )
    if most < sum(map(len, folds)):
        part = share.cut(most)
        chosen = chosen[: part.stop - part.start]
    if not len(chosen):
        raise KitError(f"data.split.{role} = {share} leaves no {task.unit} of {task.name}")
    return chosen


def check(task: Task, prepared: Prepared, config: DataConfig) -> None:
    """Check all folds and shares of a configuration, before anything is trained.

    Raises:
        DataError: the prepared data lack a fold that the configuration names.
        KitError: a share is empty.
    """
    for name in {*config.samples, *(name for names in config.roles.values() for name in names)}:
        prepared.fold(name)
    for role in config.split:
        samples(task, prepared, config, role)


def _cut(task: Task, prepared: Prepared, rows: Indices, share: FoldShare) -> Indices:
    """Return the samples of the units that are in the share, unit by unit."""
    units = np.asarray(prepared.array("unit_id"))[rows]
    _, first, unit = np.unique(units, return_index=True, return_inverse=True)
    # The position of each unit: by its first sample, or by a random order if one is named.
    place = first.argsort().argsort()
    if share.order:
        drawn = generator(0, task.name, share.order).permutation(len(first))
        place = drawn.argsort()[place]
    part = share.cut(len(first))
    of_row = place[unit.reshape(-1)]
    by_unit = of_row.argsort(kind="stable")
    inside = (of_row[by_unit] >= part.start) & (of_row[by_unit] < part.stop)
    return rows[by_unit[inside]]
