"""Which tables of NAS-Bench-201 stand for a data set."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from kit import method, task
from kit.errors import KitError
from kit.methods.nas_bench_201.info import folder
from kit.report.cell_tables import CellData, gather
from kit.report.kinds import ANY, WantedKind
from kit.runs.folder import RunFolder
from kit.spaces.nas_bench_201 import write
from kit.spaces.nas_bench_201.cell import CLASSES, COUNT, classes
from tests.made_runs import make_run
from tests.report.cell_examples import data, everything, made, put

OWN = {"run": "a", "profile": "lite", "protocol": "released", "tier": "sample"}


def only(wanted: WantedKind = ANY) -> CellData:
    (found,) = gather([], wanted)
    return found


def test_names_of_archives_and_tasks_are_one_data_set_in_the_order_of_the_paper() -> None:
    for name in ("some-thing", "darcyflow", "ninapro", "ImageNet16-120", "cifar-100", "cifar10"):
        put(made(name, [0.1]))
    titles = ["CIFAR-10", "CIFAR-100", "ImageNet16-120", "NinaPro", "Darcy Flow", "some-thing"]
    assert [each.title for each in gather([])] == titles
    assert gather([])[4].name == "darcyflow"


def test_most_cells_then_the_longest_training_stand_for_a_data_set() -> None:
    put(made("ninapro", [0.1, 0.2], epochs=2))
    put(made("ninapro", [0.3, 0.4], epochs=5))
    assert only().tables[0].header.epochs == 5
    put(made("ninapro", [0.1, 0.2, 0.3], epochs=2, seed=1))
    found = only()
    # Seeds of one length are means over those that have the cell.
    assert [each.header.seed for each in found.tables] == [1, 777]
    assert found.errors[:4] == pytest.approx([0.1, 0.2, 0.3, np.nan], nan_ok=True)
    assert found.told == "subset of 3 trained cells, 2 epochs, seeds 1, 777, imported"


def test_ones_own_of_the_kind_asked_for_stand_first() -> None:
    put(made("ninapro", [0.1, 0.2], epochs=9))
    put(made("ninapro", [0.5], epochs=2, provenance=OWN))
    assert only().tables[0].header.epochs == 9
    assert only(WantedKind("lite")).told.endswith("2 epochs, seed 777, lite, released, sample data")
    assert only(WantedKind("smoke")).tables[0].header.epochs == 9
    assert only(WantedKind(tier="synthetic")).tables[0].header.epochs == 9


def test_parts_are_put_together_and_contradictions_told() -> None:
    put(made("ninapro", {0: 0.1, 1: 0.2}, provenance={**OWN, "run": "b"}), "-part-1-of-2")
    put(made("ninapro", {1: 0.2, 2: 0.3}, provenance={**OWN, "run": "c"}), "-part-2-of-2")
    assert only().errors[:3] == pytest.approx([0.1, 0.2, 0.3])
    put(made("ninapro", {2: 0.4}, provenance={**OWN, "run": "d"}), "-more")
    with pytest.raises(KitError, match="tables of ninapro contradict each other: cell 2: train-lo"):
        gather([])
    (folder() / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(KitError, match=r"x\.parquet: no whole Parquet file"):
        gather([])


def test_runs_of_the_method_as_it_is_count_once() -> None:
    plain = method.find("nas-bench-201").spec(
        task.find("darcy-flow"), 777, protocol="released", profile="lite", tier="regenerated"
    )
    run = make_run("darcy-flow", "nas-bench-201", 777, profile="lite", tier="regenerated")
    assert run.spec == plain
    own = {**OWN, "run": plain.id, "tier": "regenerated"}
    table = made("darcy-flow", [0.1, 0.2], provenance=own)
    assert gather([run]) == []
    write(table, RunFolder(plain).path / "artifacts" / "cells.parquet")
    put(table)
    (found,) = gather([run])
    assert len(found.tables) == 1
    (folder() / "darcy-flow-1-777.parquet").unlink()
    assert len(gather([run])) == 1
    for overrides, counts in ((("subset=1", "neighbours=true"), True), (("epochs=2",), False)):
        changed = msgspec.structs.replace(plain, overrides=overrides)
        write(table, RunFolder(changed).path / "artifacts" / "cells.parquet")
        assert bool(gather([msgspec.structs.replace(run, spec=changed)])) == counts


def test_of_a_subset_each_trained_cell_counts_once() -> None:
    few = data("ninapro", dict.fromkeys(sorted(set(classes()))[:3], 0.1), shared=True)
    assert len(few.tables[0]) > 3
    assert few.points.tolist() == sorted(set(classes()))[:3]
    by_class = data("ninapro", dict.fromkeys(set(classes()), 0.1), shared=True)
    assert (by_class.whole, len(by_class.points)) == (True, COUNT)
    assert by_class.told.startswith(f"all {CLASSES:,} classes, 1 epoch,")
    whole = data("ninapro", everything(0))
    assert (whole.whole, len(whole.points)) == (True, COUNT)
    assert whole.told.startswith("all 15,625 cells, 1 epoch,")
