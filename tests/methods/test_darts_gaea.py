"""GAEA PC-DARTS: what its settings do, what it refuses, and architectures that are given."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from kit import method, task
from kit.base.method import load
from kit.base.sizes import MetaContext, size
from kit.cli import cli
from kit.errors import KitError
from kit.method import architectures
from kit.methods.darts_gaea.evaluate import drop_path_at
from kit.methods.darts_gaea.info import GaeaSettings
from kit.methods.darts_gaea.search import observe
from kit.spaces.darts.mixture import Mixtures
from kit.spaces.operations import FactorizedReduce
from tests.spaces.darts.originals import read
from tests.specs import smoke_spec

GAEA = method.find("darts-gaea")
COUNTED = read("counts.json")["networks"]


def context(of: str, protocol: Any = "released", *overrides: str) -> MetaContext:
    given = architectures.override(GAEA, "released", of, 0)
    spec = smoke_spec("darts-gaea", given, *overrides, of=of, protocol=protocol)
    return MetaContext(spec, task.find(of), load(GAEA, spec).settings)


def network(of: str, protocol: Any = "released", *overrides: str) -> nn.Module:
    made = context(of, protocol, *overrides)
    with torch.device("meta"):
        found = load(GAEA, made.spec).network(made)
    assert found is not None
    return found


def norms(made: nn.Module) -> set[tuple[float, float]]:
    kinds = nn.BatchNorm1d | nn.BatchNorm2d
    return {(each.momentum or 0.0, each.eps) for each in made.modules() if isinstance(each, kinds)}


def test_released_normalisation_keeps_the_last_batch_alone() -> None:
    """Of the whole network but its stem, and of dense networks at the entries of cells."""
    assert norms(network("ninapro")) == {(0.1, 1e-5), (0.999, 1e-3)}
    assert norms(network("ninapro", "clean")) == {(0.1, 1e-5)}
    dense = network("darcy-flow")
    cell = dense.get_submodule("network.cells.0")
    assert norms(cell.get_submodule("preprocess0")) == {(0.999, 1e-3)}
    assert norms(cell.get_submodule("operations")) == {(0.1, 1e-5)}


def test_released_reductions_of_series_read_the_same_twice() -> None:
    for protocol, shifted in (("released", False), ("clean", True)):
        made = network("ecg", protocol).modules()
        assert {each.shifted for each in made if isinstance(each, FactorizedReduce)} == {shifted}
    made = network("cifar-100").modules()
    assert {each.shifted for each in made if isinstance(each, FactorizedReduce)} == {True}


def test_the_auxiliary_head_is_cifars_and_released() -> None:
    for protocol, weight in (("released", 0.4), ("clean", 0.0)):
        settings = GAEA.settings(task.find("cifar-100"), protocol, "paper", "published")  # type: ignore[arg-type]
        assert isinstance(settings, GaeaSettings)
        assert settings.evaluation.auxiliary == weight
        assert settings.data.cutout == 0
        assert settings.evaluation.cutout == 16


@pytest.mark.parametrize(
    ("of", "overrides", "found"),
    [
        ("ninapro", (), "4 × 13"),
        ("ecg", (), "250"),
        ("darcy-flow", (), "each position"),
        ("cifar-100", ("data.stride=1", "evaluation.layers=1"), "16 × 16"),
    ],
)
def test_the_auxiliary_head_reads_maps_of_cifars_size(
    of: str, overrides: tuple[str, ...], found: str
) -> None:
    words = f"^evaluation.auxiliary: .* not for {found}; set it to 0$"
    with pytest.raises(KitError, match=words):
        network(of, "released", "evaluation.auxiliary=0.4", *overrides)
    fits = ("data.stride=1", "evaluation.auxiliary=0.4", "evaluation.layers=2")
    assert network("cifar-100", "released", *fits).get_submodule("network.auxiliary") is not None


@pytest.mark.parametrize(
    ("of", "protocol", "last"),
    [
        ("darcy-flow", "released", 0.0745),
        ("darcy-flow", "clean", 0.298),
        ("ecg", "released", 0.298),
    ],
)
def test_drop_path_rises_over_150_or_600_epochs(of: str, protocol: Any, last: float) -> None:
    settings = GAEA.settings(task.find(of), protocol, "paper", "published")
    assert isinstance(settings, GaeaSettings)
    assert drop_path_at(0, settings.evaluation) == 0
    assert drop_path_at(149, settings.evaluation) == pytest.approx(last)


def test_fsd50k_loses_its_first_frame() -> None:
    assert network("fsd50k").skip == 1
    assert network("ninapro").skip == 0


def test_mixtures_of_the_two_protocols() -> None:
    for protocol, kind in (
        ("released", ("softmax-of-simplex", "all", "ones", 0.0)),
        ("clean", ("simplex", "node", "uniform", 1e-5)),
    ):
        settings = GAEA.settings(task.find("ecg"), protocol, "paper", "published")  # type: ignore[arg-type]
        assert isinstance(settings, GaeaSettings)
        options = settings.search
        assert (options.mixture, options.beta_simplex, options.start, options.floor) == kind


def test_history_has_operations_and_the_edges_of_each_node() -> None:
    line = observe(Mixtures())
    assert [len(row) for row in line["alpha"]] == [8] * 28
    assert [len(row) for row in line["beta"]] == [2, 3, 4, 5] * 2
    assert line["entropy"] == pytest.approx(2.0794, abs=1e-4)
    assert len(observe(Mixtures(), dense=True)["alpha"]) == 14
    names = [name for rows in GAEA.mixtures({}) for name in rows.names]
    assert len(names) == 28 + 8


def test_elementwise_operations_are_the_originals() -> None:
    """Their ``bn`` counts elements twice; evaluation leaves CIFAR-100's second head out."""
    found = size(task.find("cifar-100"), GAEA)
    case = COUNTED[0]
    assert found is not None
    parameters, multiply_adds, elementwise = found.released[0]
    counted = case["elementwise"]
    assert parameters == case["parameters"] + 545_636
    assert multiply_adds == case["macs"]
    assert elementwise == counted["bn"] + counted["relu"] + counted["pool"]


def test_released_genotypes_are_there_for_every_task_and_seed() -> None:
    names = [name for name in task.names() if architectures.released(GAEA, name)]
    assert len(names) == 10
    for name in names:
        assert sorted(architectures.released(GAEA, name)) == [0, 1, 2]
    by_name = {"cifar100": "cifar-100", "ECG": "ecg", "pde": "darcy-flow", "cosmic": "cosmic"}
    for case in COUNTED:
        if case["task"] in by_name and isinstance(case["seed"], int):
            file = architectures.released(GAEA, by_name[case["task"]])[case["seed"]]
            value = json.loads(file.read_text())
            assert {cell: value[cell] for cell in ("normal", "reduce")} == case["genotype"]


GOOD = {key: COUNTED[0]["genotype"][key] for key in ("normal", "reduce")}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({**GOOD, "dims": 1}, "genotype of 1D networks, and these samples are 2D"),
        ({**GOOD, "normal": [["conv_9x9", 0], *GOOD["normal"][1:]]}, "normal, node 2, edge 1"),
        ({**GOOD, "reduce": GOOD["reduce"][:6]}, "reduce: 4 nodes of 2 edges are 8 edges"),
        ({**GOOD, "reduce": [*GOOD["reduce"][:7], ["skip_connect", 5]]}, "reduce, node 5, edge 2"),
    ],
)
def test_a_genotype_that_does_not_fit_is_one_line(value: Any, said: str, tmp_path: Path) -> None:
    file = tmp_path / "cells.json"
    file.write_text(json.dumps(value))
    with pytest.raises(KitError, match=said) as caught:
        cli.main(
            ["run", "ninapro", "darts-gaea", "--profile", "smoke", "--architecture", str(file)],
            standalone_mode=False,
        )
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    assert not list(tmp_path.glob("results/runs/*"))


def test_maps_that_cannot_be_halved_twice() -> None:
    small = replace(task.find("ninapro"), sample_shape=(1, 16, 3))
    assert "one of 16 × 3 is too small" in (GAEA.applies(small) or "")
    assert GAEA.applies(replace(small, sample_shape=(1, 4, 4))) is None
    dense = replace(task.find("darcy-flow"), sample_shape=(1, 3, 3))
    assert GAEA.applies(dense) is None


def test_halves_that_overlap_are_refused() -> None:
    with pytest.raises(KitError, match="holds samples of 'search_val'"):
        context(
            "ninapro",
            "released",
            'data.split={search=["train", 0, 0.6], search_val=["train", 0.5, 1]}',
        )
    with pytest.raises(KitError, match="divisible by 4, not 6"):
        context("ninapro", "released", "search.channels=6")
