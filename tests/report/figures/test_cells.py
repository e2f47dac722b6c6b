"""Figures 3 and 4 of NAS-Bench-360: ranks and importance against ones worked out at length."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from kit.cli import planning
from kit.data import raw
from kit.errors import KitError
from kit.methods.nas_bench_201.info import NasBench201Settings
from kit.report import figures
from kit.report.figures import operations, transfer
from kit.settings import convert
from kit.spaces.nas_bench_201.cell import COUNT, OPERATIONS, Cell, classes
from kit.spec import RunSpec
from tests.conftest import Run
from tests.report.cell_examples import data, everything, made, neighbourhood, put

ANY: dict[str, Any] = {
    "number": None,
    "study": None,
    "paper": "nas-bench-360",
    "methods": (),
    "all_methods": False,
    "seeds": (),
    "protocol": None,
    "tier": None,
    "retry_failed": False,
}


def kendall(x: list[float], y: list[float]) -> float:
    """tau-b by its definition: pairs in the same order less those in the other, ties apart."""
    more, in_x, in_y = 0, 0, 0
    for a, b in combinations(range(len(x)), 2):
        one, other = np.sign(x[a] - x[b]), np.sign(y[a] - y[b])
        more, in_x, in_y = more + one * other, in_x + abs(one), in_y + abs(other)
    return float(more / np.sqrt(in_x * in_y))


def spearman(x: list[float], y: list[float]) -> float:
    """Pearson's coefficient of ranks, of which equal values have the mean."""
    ranks = [[sum(b < a for b in of) + (of.count(a) + 1) / 2 for a in of] for of in (x, y)]
    return float(np.corrcoef(np.array(ranks))[0, 1])


def test_coefficients_with_ties_are_those_of_their_definitions() -> None:
    x = [0.1, 0.4, 0.4, 0.9, 0.9, 0.9, 0.2, 0.3]
    y = [0.5, 0.5, 0.1, 0.7, 0.9, 0.9, 0.3, 0.1]
    assert transfer.coefficients(x, y) == pytest.approx((spearman(x, y), kendall(x, y)))
    assert transfer.coefficients([1.0, 1.0], [1.0, 2.0]) == (None, None)
    assert transfer.coefficients([1.0], [1.0]) == (None, None)


def test_ranks_are_of_the_cells_that_both_have_and_ties_go_by_number() -> None:
    vision = data("cifar100", {0: 0.9, 1: 0.3, 2: 0.3, 5: 0.0, 7: 0.1})
    gestures = data("ninapro", {0: 0.2, 1: 0.8, 2: 0.2, 7: 0.1, 8: 0.0})
    found = transfer.against(gestures, vision)
    assert found.cells == (0, 1, 2, 7)
    assert (found.x, found.y) == ((4, 2, 3, 1), (2, 4, 3, 1))
    with pytest.raises(KitError, match="NinaPro and CIFAR-100 have no cell in common"):
        transfer.against(data("ninapro", {1: 0.1}), data("cifar100", {2: 0.1}))


def test_panels_are_vision_and_the_others_against_cifar_100() -> None:
    names = ("cifar10", "cifar100", "ImageNet16-120", "ninapro", "darcyflow")
    made = transfer.make([data(name, everything(place)) for place, name in enumerate(names)])
    assert [[each.title for each in panel] for panel in made.panels] == [
        ["CIFAR-100", "CIFAR-10", "ImageNet16-120"],
        ["CIFAR-100", "NinaPro", "Darcy Flow"],
    ]
    diagonal = made.panels[1][0]
    assert diagonal.x == diagonal.y
    assert [diagonal.spearman, diagonal.kendall] == pytest.approx([1, 1])
    assert all(len(each.cells) == COUNT for panel in made.panels for each in panel)
    assert "NinaPro             15625" in transfer.text(made)


def test_without_cifar_100_the_others_stand_against_each_other_and_it_is_said() -> None:
    few = neighbourhood(123)
    gestures = data("ninapro", few)
    flow = data("darcy-flow", {number: -error for number, error in few.items()})
    made = transfer.make([gestures, flow])
    assert made.reference == "NinaPro"
    ((_, other),) = made.panels
    assert [other.spearman, other.kendall] == pytest.approx([-1, -1])
    assert "no table of CIFAR-100, so ranks are against those on NinaPro" in made.remarks
    drawn = figures.render(transfer.draw(made), "svg")
    assert figures.render(transfer.draw(made), "svg") == drawn
    for word in ("subset of 25 trained cells", "Darcy Flow, ρ = -1.000, τ = -1.000", "no table of"):
        assert word in " ".join(drawn.decode().split())
    assert "no table of NinaPro" in transfer.make([data("cifar100", few), flow]).remarks


def brute(errors: dict[int, float], number: int, edge: int) -> float:
    """Importance as its formula has it."""
    cell = Cell.of(number)
    others = [name for name in OPERATIONS if name != cell.operations[edge]]
    return sum(errors[cell.changed(edge, e).index] - errors[number] for e in others) / 4


def test_importance_of_a_whole_table_is_that_of_its_top_cells() -> None:
    errors = dict(enumerate(everything(3)))
    (panel,) = operations.make([data("ninapro", errors)]).panels
    top = sorted(errors, key=lambda number: errors[number])[:781]
    for each in panel.operations:
        by_hand = [
            brute(errors, number, edge)
            for number in top
            for edge in range(6)
            if Cell.of(number).operations[edge] == each.name
        ]
        assert sorted(each.values) == pytest.approx(sorted(by_hand))
        assert each.quartiles == pytest.approx(tuple(np.percentile(by_hand, (25, 50, 75))))
        assert each.redundant == np.mean([abs(value) < 0.001 for value in by_hand])
    assert panel.which == "the top 781 of them"


@pytest.mark.parametrize("shared", [False, True])
def test_importance_of_a_subset_is_that_of_whole_neighbourhoods(shared: bool) -> None:
    centre = 123
    errors = neighbourhood(centre)
    given = errors
    if shared:  # by class, as the kit trains them: the first of a class stands for it
        same = np.array(classes())
        errors = {number: errors[number] for number in errors if same[number] == number}
        given = {int(same[n]): 0.01 * int(same[n]) / COUNT for n in neighbourhood(centre)}
        errors = {n: given[int(same[n])] for n in range(COUNT) if int(same[n]) in given}
    (panel,) = operations.make([data("ninapro", given, shared=shared)]).panels
    whole = [
        number
        for number in errors
        if all(each.index in errors for each in Cell.of(number).neighbours())
    ]
    assert centre in whole
    lines = {
        (Cell.of(number).changed(edge, name).index, edge)
        for number in whole
        for edge in range(6)
        for name in OPERATIONS
    }
    for each in panel.operations:
        by_hand = [
            brute(errors, number, edge)
            for number, edge in lines
            if Cell.of(number).operations[edge] == each.name
        ]
        assert sorted(each.values) == pytest.approx(sorted(by_hand))
    assert panel.which == f"of them {len(whole)}, and all that are one edge away"


def test_distances_do_not_depend_on_the_scale_of_a_data_set() -> None:
    errors = neighbourhood(9)
    ten = {number: 10 * error for number, error in errors.items()}
    other = neighbourhood(9, seed=1)
    every = {"ninapro": errors, "a": ten, "b": other}
    near, far, _ = operations.make([data(name, each) for name, each in every.items()]).distances
    assert (near.one, near.other) == ("NinaPro", "a")
    assert near.by_operation == pytest.approx(dict.fromkeys(operations.SHORT, 0), abs=1e-9)
    assert min(far.by_operation.values()) > 0.05
    same = data("same", dict.fromkeys(errors, 1.0))
    told = operations.text(operations.make([data("ninapro", errors), same]))
    assert "\nNinaPro to same: none, as one does not vary\n" in told


def test_what_cannot_be_drawn_is_told() -> None:
    lacking = neighbourhood(9)
    del lacking[Cell.of(9).changed(2, "none").index]
    with pytest.raises(KitError, match="24 one edge away, and the one of NinaPro has not"):
        operations.make([data("ninapro", lacking)])
    with pytest.raises(KitError, match=r"figure 4 needs a table .*, and there is none; 'kit repro"):
        operations.make([])
    with pytest.raises(KitError, match="needs tables of two data sets, and there is none"):
        transfer.make([])
    with pytest.raises(KitError, match="and there is NinaPro alone"):
        transfer.make([data("ninapro", lacking)])
    made = operations.make([data("ninapro", lacking), data("darcy-flow", neighbourhood(9))])
    assert [panel.title for panel in made.panels] == ["Darcy Flow"]
    assert made.remarks[-1].startswith("NinaPro is left out: its table has no cell")
    drawn = " ".join(figures.render(operations.draw(made), "svg").decode().split())
    for word in ("Darcy Flow", "operation importance", "subset of 25 trained cells", "ap3"):
        assert word in drawn
    assert "Darcy Flow      skip_connect       6" in operations.text(made)


def test_their_data_are_json() -> None:
    both = [data("ninapro", neighbourhood(9)), data("darcy-flow", neighbourhood(9, seed=1))]
    for found in (transfer.make(both), operations.make(both)):
        content = json.loads(msgspec.json.encode(found))
        assert msgspec.convert(content, type(found)) == found


def trained(spec: RunSpec) -> list[int]:
    return convert(spec.settings, NasBench201Settings, str(spec)).trained()


def test_plans_have_a_run_of_both_tasks_on_small_real_data_where_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (other, _) = planning.make(figure="3", tasks=(), profile="lite", **ANY).runs
    assert other.spec.tier == "synthetic"
    missing = raw.missing
    monkeypatch.setattr(
        raw, "missing", lambda of, tier: [] if tier == "sample" else missing(of, tier)
    )
    for figure in ("3", "4"):
        plan = planning.make(figure=figure, tasks=(), profile="lite", **ANY)
        runs = [(run.spec.task, run.spec.method, run.spec.seed, run.spec.tier) for run in plan.runs]
        assert runs == [
            ("ninapro", "nas-bench-201", 777, "sample"),
            ("darcy-flow", "nas-bench-201", 777, "regenerated"),
        ]
        assert not any(run.spec.overrides for run in plan.runs)
        assert all(len(trained(run.spec)) == 93 for run in plan.runs)
    (one,) = planning.make(figure="4", tasks=("darcy-flow",), profile="smoke", **ANY).runs
    assert one.spec.task == "darcy-flow"
    assert len(trained(one.spec)) == 21
    with pytest.raises(KitError, match="unknown task of figure 3 'psicov'"):
        planning.make(figure="3", tasks=("psicov",), profile="smoke", **ANY)


def test_commands_draw_what_tables_there_are(kit: Run, tmp_path: Path) -> None:
    words = ("--paper", "nas-bench-360")
    done = kit("figure", "3", *words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "figure 3 needs tables of two data sets, and there is none" in done.stderr
    put(made("ninapro", neighbourhood(9)))
    put(made("cifar100", neighbourhood(9, seed=1)))
    for number, shown in (
        ("3", "NinaPro                25"),
        ("4", "CIFAR-100       nor_conv_1x1"),
    ):
        file = tmp_path / f"{number}.svg"
        done = kit("figure", number, *words, "--output", str(file))
        assert done.returncode == 0, done.stderr
        assert shown in done.stdout
        assert b"<svg" in file.read_bytes()


@pytest.mark.usefixtures("darcy")
def test_reproduce_trains_the_smallest_subset_and_shows_it(kit: Run) -> None:
    words = ("--paper", "nas-bench-360", "--profile", "smoke", "--task", "darcy-flow")
    done = kit("reproduce", "--figure", "4", *words, "--format", "json")
    assert done.returncode == 0, done.stderr
    (panel,) = json.loads(done.stdout)["panels"]
    assert "subset of 21 trained cells, 2 epochs, seed 777, smoke" in panel["told"]
    assert all(len(each["values"]) == 6 for each in panel["operations"])
    done = kit("figure", "3", "--paper", "nas-bench-360")
    assert "there is Darcy Flow alone" in done.stderr
