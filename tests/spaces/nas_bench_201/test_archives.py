"""Published archives: what their own package answers is what ours does, both ways."""

from __future__ import annotations

import bz2
import copy
import json
import pickle
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nats_bench
import numpy as np
import pytest

from kit.cli.cells import read_archive
from kit.data import pickles
from kit.errors import KitError
from kit.spaces.nas_bench_201 import Table, archives
from tests.spaces.nas_bench_201.made import table
from tests.spaces.nas_bench_201.test_table import same

HERE = Path(__file__).parent
TOY = HERE / "toy.pickle.pbz2"
ANSWERS = json.loads((HERE / "toy.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def toy() -> dict[str, Table]:
    return {str(each.header.epochs): each for each in read_archive(TOY)}


def test_an_archive_is_answered_as_by_its_own_package(toy: dict[str, Table]) -> None:
    assert {name: (each.header.task, len(each)) for name, each in toy.items()} == {
        "12": ("ninapro", 6),
        "200": ("ninapro", 6),
    }
    for case in ANSWERS["info"]:
        found = toy[case["hp"]].info(case["index"], case["epoch"])
        assert found == pytest.approx(case["answer"], rel=1e-12)
    costs = toy["200"].costs(ANSWERS["cost_of"])
    assert costs.parameters / 1e6 == ANSWERS["cost"]["params"]
    assert costs.multiply_adds / 1e6 == ANSWERS["cost"]["flops"]


def test_the_public_package_reads_what_is_exported(toy: dict[str, Table], tmp_path: Path) -> None:
    file = tmp_path / "t.pickle.pbz2"
    archives.write([*toy.values(), table(range(3), epochs=4, shared=True)], file)
    api = nats_bench.create(str(file), "tss", verbose=False)
    assert len(api) == 15625
    for case in ANSWERS["info"]:
        found = api.get_more_info(case["index"], "ninapro", case["epoch"], hp=case["hp"])
        # It adds seconds by Python's sum, whose last digit is another from Python 3.12 on.
        assert found == pytest.approx(case["answer"], rel=1e-12)
    cost = api.get_cost_info(ANSWERS["cost_of"], "ninapro", hp="200")
    assert cost == pytest.approx(ANSWERS["cost"])
    made = table(range(3), epochs=4, shared=True)
    for number in range(3):
        name = api.arch(number)
        assert api.query_index_by_arch(name) == number == Table.index(name)
        found = api.get_more_info(name, "ninapro", 2, hp="4")
        assert found == pytest.approx(made.info(number, 2), rel=1e-12)


def test_fractions_are_told_from_percent(toy: dict[str, Table]) -> None:
    assert toy["12"].header.full == 100
    made = table(range(3), epochs=2)
    curves = {
        name: curve / 100 if name.endswith("accuracy") else curve
        for name, curve in made.curves.items()
    }
    (found,) = archives.read(archives.content([replace(made, curves=curves)]))
    assert found.header.full == 1
    assert found.errors() == pytest.approx(made.errors())


@pytest.mark.parametrize("task", ["cifar10-valid", "cifar10", "cifar100"])
def test_sets_have_the_names_of_the_public_package(task: str, tmp_path: Path) -> None:
    names = archives.set_names(task)
    sets = ["test"] if task == "cifar10" else [*names]
    made = table(range(2), epochs=3, sets=sets)
    header = json.loads(json.dumps({"task": task, "epochs": 3, "seed": 888}))
    made = Table(
        type(made.header)(**header), made.cells, made.trained, made.parameters,
        made.multiply_adds, made.curves,
    )  # fmt: skip
    file = tmp_path / "t.pickle.pbz2"
    archives.write([made], file)
    api = nats_bench.create(str(file), "tss", verbose=False)
    found = api.get_more_info(1, task, hp="3")
    found.pop("comment", None)
    assert found == pytest.approx(made.info(1), rel=1e-12)
    (again,) = read_archive(file)
    assert same(again, Table(again.header, *(getattr(made, each) for each in (
        "cells", "trained", "parameters", "multiply_adds", "curves"))))  # fmt: skip


def test_a_folder_with_a_file_for_each_cell_is_read(tmp_path: Path) -> None:
    content = archives.content([table(range(4), epochs=2)])
    for number, info in content["arch2infos"].items():
        packed = bz2.compress(pickle.dumps(info, protocol=4))
        (tmp_path / f"{number:06d}.pickle.pbz2").write_bytes(packed)
    (tmp_path / "meta.pickle.pbz2").write_bytes(b"not read")
    (found,) = read_archive(tmp_path)
    assert len(found) == 4
    assert found.info(3) == table(range(4), epochs=2).info(3)


class Harmful:
    def __reduce__(self) -> Any:
        return random.seed, (1,)


# Packed when a test wants it: that takes a quarter of a second each.
Packed = Callable[[], bytes]


def packed(content: Any) -> Packed:
    return lambda: bz2.compress(pickle.dumps(content, protocol=4))


def changed(change: Any) -> Packed:
    def pack() -> bytes:
        content = copy.deepcopy(archives.content([table(range(2), epochs=2)]))
        change(content, content["arch2infos"][1]["2"])
        return packed(content)()

    return pack


def trial(results: Any) -> Any:
    return results["all_results"]["ninapro", 777]


def cut(end: int) -> Packed:
    return lambda: changed(lambda content, results: None)()[:end]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (cut(-20), "not a whole pickle"),
        (cut(2), "not a whole pickle"),
        (lambda: b"BZh9 and something else", "not a whole pickle"),
        (bytes, "not a whole pickle"),
        (packed(Harmful()), "asks for 'random.seed'|not allowed"),
        (packed([1, 2]), "is no dictionary but a list"),
        (packed({}), "no 'arch2infos'"),
        (packed({"arch2infos": {}}), "holds no results"),
        (changed(lambda _, results: results.pop("arch_str")), "cell 1 has no 'arch_str'"),
        (changed(lambda _, results: results.update(arch_str="|x~0|")), "3 nodes"),
        (changed(lambda _, results: trial(results).update(eval_names=5)), "has no 'eval_names'"),
        (changed(lambda _, results: trial(results).update(epochs=10**12)), "none or too many"),
        (changed(lambda _, results: trial(results).update(epochs=0)), "cell 1: 0 epochs are none"),
        (
            changed(lambda _, results: results.update(all_results={("ninapro", "x"): 1})),
            "results of no data set and seed",
        ),
        (changed(lambda _, results: results.update(all_results=[])), "cell 1 has no 'all_results'"),
        (changed(lambda _, results: results.update(all_results={"a": 1})), "no data set and seed"),
        (changed(lambda _, results: trial(results).pop("epochs")), "cell 1 has no 'epochs'"),
        (
            changed(lambda _, results: trial(results)["train_losses"].update({1: "x"})),
            "cell 1: train-loss is no number: 'x'",
        ),
        (changed(lambda _, results: trial(results).update(flop=None)), "cell 1: flop is no number"),
        (changed(lambda _, results: trial(results).update(eval_times=3)), "valtest-seconds is no"),
    ],
)
def test_other_archives_are_refused_in_one_line(tmp_path: Path, content: Packed, said: str) -> None:
    file = tmp_path / "a.pickle.pbz2"
    file.write_bytes(content())
    with pytest.raises(KitError, match=said) as caught:
        read_archive(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_archive_can_have_more_opcodes_than_other_pickles() -> None:
    with pytest.raises(KitError, match="more than 100 opcodes"):
        pickles.load(TOY, opcodes=100)
    assert np.isfinite(read_archive(TOY)[0].curves["train-loss"]).all()
