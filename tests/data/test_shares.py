"""Shares of folds: which samples they hold, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import pytest
import torch

from kit import method, task
from kit.data import preparing, shares
from kit.data.folds import TaskData
from kit.data.prepared import Prepared, open_prepared
from kit.errors import DataError, KitError
from kit.seeding import generator
from kit.settings import DataConfig
from kit.spec import Profile, Tier

DARCY = task.find("darcy-flow")


class Folds:
    """Prepared folds that follow each other, without the arrays."""

    def __init__(self, units: list[int] | None = None, **sizes: int) -> None:
        ends = np.cumsum(list(sizes.values()))
        pairs = zip(sizes.items(), ends, strict=True)
        self.folds = {name: np.arange(end - size, end) for (name, size), end in pairs}
        self.units = np.arange(ends[-1]) if units is None else np.array(units)

    def fold(self, name: str) -> Any:
        return self.folds[name]

    def array(self, name: str) -> Any:
        return {"unit_id": self.units}[name]


def held(folds: Folds, role: str, name: str = "darcy-flow", **config: Any) -> list[int]:
    chosen = msgspec.convert(config, DataConfig)
    return shares.samples(task.find(name), cast(Prepared, folds), chosen, role).tolist()


@pytest.mark.parametrize(
    ("share", "wanted"),
    [
        (["train", 0, 0.5], [0, 1, 2]),
        (["train", 0.5, 1], [3, 4, 5, 6]),
        (["train", 0, 1], [0, 1, 2, 3, 4, 5, 6]),
        (["train", 0.14, 0.29], [0, 1]),
        ([["val", "train"], 0, 0.4], [7, 8, 9, 0]),
        ([["train", "val"], 0.7, 1], [7, 8, 9]),
    ],
)
def test_a_share_is_cut_from_its_fold_in_order(share: list[Any], wanted: list[int]) -> None:
    assert held(Folds(train=7, val=3), "search", split={"search": share}) == wanted


def test_a_share_that_binary_fractions_miss_has_no_sample_less() -> None:
    for count in (10, 30, 1_000, 50_000, 900_000):
        share = msgspec.convert({"split": {"search": ["train", 0.1, 0.7]}}, DataConfig).split[
            "search"
        ]
        assert share.cut(count) == slice(count // 10, 7 * count // 10)


def test_units_are_not_torn_in_any_order() -> None:
    units = [5, 5, 2, 5, 2, 9, 9, 7]
    folds = Folds(units, train=8)
    assert held(folds, "search", split={"search": ["train", 0, 0.5]}) == [0, 1, 3, 2, 4]
    assert held(folds, "search_val", split={"search_val": ["train", 0.5, 1]}) == [5, 6, 7]
    for order in ("a", "b", "c"):
        halves = [
            held(folds, "search", split={"search": ["train", *bounds, order]})
            for bounds in ((0, 0.5), (0.5, 1))
        ]
        assert sorted(halves[0] + halves[1]) == list(range(8))
        assert not {units[row] for row in halves[0]} & {units[row] for row in halves[1]}


def test_reduced_samples_bound_a_share_as_they_bound_its_fold() -> None:
    split = {"search": ["train", 0, 0.5], "search_val": ["train", 0.5, 1]}
    config: dict[str, Any] = {"split": split, "samples": {"train": 10, "val": 2}}
    assert held(Folds(train=100, val=9), "search", **config) == list(range(5))
    assert held(Folds(train=100, val=9), "search_val", **config) == list(range(50, 55))
    assert held(Folds(train=10, val=9), "search_val", **config) == list(range(5, 10))


# Of each tier: how many samples train and val have.
DRAWN: list[tuple[str, Tier, int, int]] = [
    ("cifar-100", "published", 40_000, 10_000),
    ("cifar-100", "synthetic", 800, 200),
    ("cifar-100", "sample", 12, 4),
    ("spherical", "published", 40_000, 10_000),
    ("spherical", "regenerated", 40_000, 10_000),
    ("spherical", "synthetic", 800, 200),
    ("spherical", "sample", 12, 4),
    ("satellite", "published", 800_000, 100_000),
    ("satellite", "synthetic", 960, 240),
    ("satellite", "synthetic", 32, 8),
    ("satellite", "sample", 2786, 854),
]


@pytest.mark.parametrize(("name", "tier", "train", "val"), DRAWN)
def test_dash_tunes_on_the_samples_that_were_drawn_for_it(
    name: str, tier: Tier, train: int, val: int
) -> None:
    # Tasks of version 1 had these as folds.
    drawn = generator(0, name, "dash").permutation(train + val)
    fitted, validated = {
        "cifar-100": (drawn[val:], drawn[:val]),
        "spherical": (drawn[:train], drawn[train:]),
        "satellite": (drawn[:train], drawn[train - val : train]),
    }[name]
    the_task, profiles = task.find(name), cast(tuple[Profile, ...], ("paper", "lite", "smoke"))
    for profile in profiles:
        config = method.find("dash").settings(the_task, "released", profile, tier).data
        folds = cast(Prepared, Folds(train=train, val=val, test=1))
        for role, whole in (("tune_fit", fitted), ("tune_val", validated)):
            found = shares.samples(the_task, folds, config, role)
            assert found.tolist() == whole[: len(found)].tolist()
            if profile == "paper":
                assert len(found) == len(whole)


def test_dash_validates_psicov_on_the_second_half_of_the_test_list() -> None:
    config = (
        method.find("dash").settings(task.find("psicov"), "released", "paper", "published").data
    )
    folds = cast(Prepared, Folds(train=3356, val=100, test=151))
    found = shares.samples(task.find("psicov"), folds, config, "tune_val")
    assert found.tolist() == list(range((3456 + 3607) // 2, 3607))


WRONG: list[tuple[str, str]] = [
    ('data.split={serch=["train", 0, 0.5]}', "role in data.split 'serch'; did you mean 'search'"),
    (
        'data.split={search=["train", 0, 1.5]}',
        r'data.split.search = \["train", 0.0, 1.5\]: a share',
    ),
    ('data.split={search=["train", 0.5, 0.5]}', r"a share goes up from a number"),
    ('data.split={search=["train", -0.1, 0.5]}', r"a share goes up from a number"),
    (
        'data.split={search=["train", nan, 1]}',
        r"setting 'data.split.search\[1\]': Expected a finite number, not nan",
    ),
    ("data.split={search=[[], 0, 0.5]}", r"name a prepared fold"),
    ('data.split={search=["train", 0]}', r"data.split"),
    ('data.split={search=["train", 0, 1, "a", 2]}', r"data.split"),
    ('data.views={tset="plain"}', r"role in data.views 'tset'; did you mean 'test'"),
    ('data.views={test="plain"}', r"data.views.test: scores are of samples as they are"),
    ('data.views={search="bare"}', r"data.views"),
]


@pytest.mark.parametrize(("override", "message"), WRONG)
def test_what_is_no_share_is_told_in_a_line(override: str, message: str) -> None:
    with pytest.raises(KitError, match=message) as caught:
        method.find("dash").settings(DARCY, "clean", "smoke", "regenerated", [override])
    assert "\n" not in str(caught.value)


BILEVEL = "search.level=bilevel"


@pytest.mark.parametrize(
    ("split", "shared"),
    [
        ("{}", "val"),
        ('{search=["train", 0, 0.5], search_val=["train", 0.5, 1]}', None),
        ('{search=["train", 0, 0.6], search_val=["train", 0.5, 1]}', "train"),
        ('{search=["train", 0, 0.5, "a"], search_val=["train", 0.5, 1, "a"]}', None),
        ('{search=["train", 0, 0.5, "a"], search_val=["train", 0.5, 1, "b"]}', "train"),
        ('{search=["train", 0, 0.5], search_val=[["train", "val"], 0.5, 1]}', "train"),
        ('{search=["train", 0, 0.5]}', None),
    ],
)
def test_a_search_on_two_folds_needs_them_apart(split: str, shared: str | None) -> None:
    def resolve() -> object:
        overrides = [BILEVEL, f"data.split={split}"]
        return method.find("dash").settings(DARCY, "released", "smoke", "regenerated", overrides)

    if shared is None:
        resolve()
        return
    with pytest.raises(KitError, match=rf"'search' holds samples of 'search_val' \({shared}\)"):
        resolve()


def test_densenas_needs_them_apart_unless_its_architecture_learns_from_the_weights() -> None:
    overlap = 'data.split={search=["train", 0, 1], search_val=["train", 0.5, 1]}'
    densenas = method.find("densenas")
    with pytest.raises(KitError, match=r"'search' holds samples of 'search_val' \(train\)"):
        densenas.settings(DARCY, "clean", "smoke", "regenerated", [overlap])
    together = "search.architecture_on=weights"
    densenas.settings(DARCY, "clean", "smoke", "regenerated", [overlap, together])


def test_what_scores_a_training_must_be_apart_from_it() -> None:
    def resolve(*overrides: str) -> object:
        overrides = ("validation.role=tune_val", *overrides)
        return method.find("expert").settings(DARCY, "clean", "smoke", "regenerated", overrides)

    with pytest.raises(KitError, match=r"'tune_val' holds samples that are trained on \(val\)"):
        resolve()
    resolve('data.split={final_fit=["train", 0, 0.9], tune_val=["train", 0.9, 1]}')


def test_folds_of_a_role_that_has_a_share_are_not_changed_in_vain() -> None:
    overrides = ['data.roles.tune_fit=["train"]']
    cifar, dash = task.find("cifar-100"), method.find("dash")
    with pytest.raises(KitError, match=r"data.split.tune_fit = .* takes its place"):
        dash.settings(cifar, "released", "smoke", "synthetic", overrides)
    dash.settings(cifar, "released", "smoke", "synthetic", [*overrides, "data.split={}"])


@pytest.fixture
def data(darcy: Path) -> Prepared:
    return open_prepared(DARCY, "regenerated", "smoke")


def test_an_empty_share_is_told_before_anything_is_trained(data: Prepared) -> None:
    config = msgspec.convert({"split": {"tune_val": ["val", 0, 0.2]}}, DataConfig)
    with pytest.raises(KitError, match=r'tune_val = \["val", 0.0, 0.2\] leaves no sample'):
        shares.check(DARCY, data, config)


@pytest.mark.parametrize(
    "config", [{"split": {"search": ["trian", 0, 1]}}, {"roles": {"test": ["tests"]}}]
)
def test_a_fold_that_is_not_prepared_is_told_before_anything_is_trained(
    data: Prepared, config: dict[str, Any]
) -> None:
    with pytest.raises(DataError, match="there is no fold"):
        shares.check(DARCY, data, msgspec.convert(config, DataConfig))


def test_normalisers_of_a_half_are_fitted_on_the_other(data: Prepared) -> None:
    halves = {"search": ["train", 0, 0.5], "search_val": ["train", 0.5, 1]}
    config = msgspec.convert({"inputs": "pointwise", "split": halves}, DataConfig)
    folds = TaskData(DARCY, data, torch.device("cpu"))
    first, second = folds.fold("search", config), folds.fold("search_val", config)
    assert (len(first), len(second)) == (6, 6)
    assert first.inputs.shift is not None
    assert second.inputs.shift is not None
    assert torch.equal(first.inputs.shift, second.inputs.shift)


def test_samples_come_as_the_view_of_their_role_says(data: Prepared) -> None:
    folds, plain = TaskData(DARCY, data, torch.device("cpu")), DataConfig(augment=("flip",))

    def first(role: str, view: str | None) -> torch.Tensor:
        views = {} if view is None else {role: view}
        fold = folds.fold(role, msgspec.convert({"augment": ["flip"], "views": views}, DataConfig))
        torch.manual_seed(0)
        return fold.first(8).x

    for role in ("search", "search_val"):
        raw = first(role, "plain")
        assert torch.equal(raw, first(role, "evaluation"))
        assert not torch.equal(raw, first(role, "augmented"))
    assert not torch.equal(first("search", None), first("search", "plain"))
    assert torch.equal(first("search_val", None), first("search_val", "plain"))
    assert plain.view("final_fit") == "augmented"
    assert plain.view("tune_val") == "evaluation"


@pytest.mark.parametrize("name", ["cosmic", "fsd50k"])
def test_a_plain_view_leaves_out_what_a_loader_augments_with(name: str, home: Path) -> None:
    found = task.find(name)
    preparing.prepare(found, "synthetic", "smoke")
    folds = TaskData(found, open_prepared(found, "synthetic", "smoke"), torch.device("cpu"))
    config = method.find("wrn").settings(found, "clean", "smoke", "synthetic").data
    bare = msgspec.structs.replace(config, views={"search": "plain"})
    x = folds.fold("search", bare).first(4).x
    assert torch.isfinite(x).all()
    varied = folds.fold("search", config)
    if name == "cosmic":
        assert torch.equal(x, folds.fold("search", bare).first(4).x)
        assert not torch.equal(x, varied.first(4).x)
    else:
        # Chunks are drawn all the same, but nothing is masked: no bin has a single value.
        assert (x.std(dim=3) > 0).all()
