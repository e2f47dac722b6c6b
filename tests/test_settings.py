from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace

import pytest
from msgspec import inspect
from msgspec.structs import replace as replace_struct

from kit import method, task
from kit.errors import KitError
from kit.methods.dash.info import DashSettings
from kit.settings import FoldShare, resolve
from kit.spec import Profile, Protocol

# What these are given to, or a check of their own, holds them to something.
UNBOUNDED = ("backbone_options", "build", "data.load", "data.split.start", "data.split.stop", "fit")


def dash(
    *overrides: str, protocol: Protocol = "released", profile: Profile = "paper"
) -> DashSettings:
    darcy = task.find("darcy-flow")
    settings = method.find("dash").settings(darcy, protocol, profile, "published", overrides)
    assert isinstance(settings, DashSettings)
    return settings


def test_layers_in_their_order_and_nested() -> None:
    document = {
        "a": 1,
        "b": {"x": 1, "y": 1},
        "kind": {"dense": {"b": {"x": 2}}},
        "protocol": {"released": {"b": {"y": 3}, "dims": {"2": {"a": 5}}, "a": 4}},
        "profile": {"lite": {"task": {"t": {"b": {"x": 7}}}}},
    }
    facts = dict.fromkeys(("dims", "kind", "task", "protocol", "profile", "tier"), "")
    assert resolve(document, facts) == {"a": 1, "b": {"x": 1, "y": 1}}
    facts |= {"dims": "2", "kind": "dense", "protocol": "released"}
    assert resolve(document, facts) == {"a": 5, "b": {"x": 2, "y": 3}}
    facts |= {"task": "t", "profile": "lite"}
    assert resolve(document, facts) == {"a": 5, "b": {"x": 7, "y": 3}}


def test_paper_settings_of_dash_on_darcy_flow() -> None:
    """Appendix A.5.2 and the released configuration."""
    settings = dash()
    assert (settings.batch_size, settings.kernel_sizes, settings.dilations) == (
        10,
        (3, 5, 7, 9),
        (1, 3, 7, 15),
    )
    assert (settings.search.epochs, settings.tune.epochs, settings.retrain.epochs) == (100, 80, 200)
    assert settings.search.optimiser.learning_rate == 0.01
    assert settings.search.alpha_learning_rate == 0.005
    assert settings.search.field == "ten-kernel-sizes"
    assert (settings.search.width, settings.retrain.width) == (1, 4)
    assert settings.data.folds("search") == ("train", "val")


def test_clean_protocol_hides_validation_data_from_the_search() -> None:
    settings = dash(protocol="clean")
    assert settings.data.folds("search") == ("train",)
    assert settings.data.folds("final_fit") == ("train", "val")
    assert settings.search.field == "extent"


def test_task_rules_reach_every_method_and_reduced_profiles_lie_over_them() -> None:
    assert dash().data.coordinates
    assert dash().data.stride == 1
    assert dash(profile="lite").data.stride > 1


def test_overrides_are_applied_with_their_types() -> None:
    settings = dash("search.epochs=3", "kernel_sizes=[3, 5]", "data.coordinates=false")
    assert settings.search.epochs == 3
    assert settings.kernel_sizes == (3, 5)
    assert not settings.data.coordinates
    assert dash("data.samples.train=7").data.samples["train"] == 7


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("serch.epochs=3", "did you mean 'search'"),
        ("search.epoch=3", "did you mean 'epochs'"),
        ("search.epochs", "key=value"),
        ("search.epochs=many", "search.epochs"),
        ("batch_size.x=3", "is not a table"),
        ("data.stride=0", "data.stride"),
        ("search.width=-1", "search.width"),
        ("retrain.epochs=0", "retrain.epochs"),
        ("batch_size=100000000000", "batch_size"),
        ("tune.dropouts=[1.0]", "tune.dropouts"),
        ("tune.momenta=[]", "tune.momenta"),
        ("search.optimiser.learning_rate=nan", "learning_rate"),
        ('data.augment=["crp"]', r"data.augment\[0\] = 'crp'; did you mean 'crop'"),
        ('data.views={tune_fit="plan"}', "= 'plan'; did you mean 'plain'"),
        ("search.method=fourrier", "search.method = 'fourrier'; did you mean 'fourier'"),
        ("speed.precision=half", "= 'half'; there is bf16, float32, float64, tf32"),
        ('data.roles.final_fits=["train"]', "did you mean 'final_fit'"),
        ("data.roles.final_fit=[]", "data.roles"),
        # The JSON of a spec would have null, which nothing could read again.
        ("search.temperature=inf", "'search.temperature': Expected a finite number, not inf"),
        ("data.mean=[0.5, nan]", r"'data.mean\[1\]': Expected a finite number, not nan"),
        ("data.load.gain=-inf", "'data.load.gain': Expected a finite number, not -inf"),
        ("kernel_sizes=[3, 4]", "kernel size 4 is even"),
    ],
)
def test_wrong_overrides_are_told_in_one_line(override: str, words: str) -> None:
    with pytest.raises(KitError, match=words) as caught:
        dash(override)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "override", "words"),
    [
        ("cifar-100", "data.mean=[1.0]", "data.mean needs one value per channel: 3"),
        ("cifar-100", "data.std=[1.0, 1.0]", "data.std needs one value per channel: 3"),
        ("cifar-100", "data.std=[1.0, 0.0, 1.0]", "data.std"),
        ("ecg", 'data.augment=["crop"]', "these samples are 1D"),
        ("ecg", "data.cutout=4", "these samples are 1D"),
        ("cifar-100", "data.mean=[0.0, nan, 0.0]", "data.mean"),
        ("ecg", "data.window_strides=[1, 2]", "one per label: 4"),
        # It would be ignored, but for the inputs' normalisation, which it would switch off.
        ("satellite", "data.window=7", "data.window: satellite is not cut into windows"),
        ("darcy-flow", "data.window_strides=[2]", "data.window_strides: darcy-flow is not cut"),
        ("darcy-flow", "data.mean=[3.0]", "data.mean: inputs are normalised 'pointwise'"),
        ("psicov", "data.stride=2", "data.stride: psicov is cut into windows of 32; smaller"),
        ("ecg", "data.window=0", "data.window: ecg is cut into windows of 1000; 0 is none"),
    ],
)
def test_rules_that_a_tasks_samples_forbid(name: str, override: str, words: str) -> None:
    with pytest.raises(KitError, match=words):
        method.find("wrn").settings(task.find(name), "clean", "smoke", "synthetic", [override])


@pytest.mark.parametrize(("left", "fits"), [(3, False), (4, True)])
def test_what_is_left_of_a_map_can_be_halved_twice(left: int, fits: bool) -> None:
    cifar, override = task.find("cifar-100"), f"skip={32 - left}"
    for name in ("darts-gaea", "te-nas", "darts-random"):
        with nullcontext() if fits else pytest.raises(KitError, match="leave 4 of them"):
            method.find(name).settings(cifar, "clean", "smoke", "synthetic", [override])


def test_numbers_of_settings_are_those_that_torch_can_hold() -> None:
    for name in method.names():
        for place, number in _numbers(inspect.type_info(method.find(name).settings_type)):
            known = [number.gt, number.ge], [number.lt, number.le]
            bounded = all(bounds != [None, None] for bounds in known)
            assert bounded or place in UNBOUNDED, f"{name}: {place}"


def _numbers(kind: inspect.Type, place: str = "") -> Iterator[tuple[str, inspect.FloatType]]:
    """Yield the numbers in a type, each with its place."""
    match kind:
        case inspect.FloatType():
            yield place, kind
        case inspect.StructType():
            for field in kind.fields:
                yield from _numbers(field.type, f"{place}.{field.name}".lstrip("."))
        case inspect.UnionType(types=types) | inspect.TupleType(item_types=types):
            for each in types:
                yield from _numbers(each, place)
        case inspect.VarTupleType(item_type=item) | inspect.DictType(value_type=item):
            yield from _numbers(item, place)


@pytest.mark.parametrize(
    ("name", "overrides", "words"),
    [
        ("perceiver-io", "heads=7", "7 heads cannot share"),
        ("wrn-asha", "tune.learning_rates=[0.1, 0.01]", "from 0.1 to 0.01 is empty"),
        ("wrn", "schedule.kind=plateau", "'plateau' needs validation.role"),
        ("dash", "retrain.schedule.kind=plateau", "retrain.schedule.kind = 'plateau' follows"),
        ("dash", "search.schedule.kind=plateau", "search.schedule.kind = 'plateau' follows"),
        ("darts-gaea", "evaluation.schedule.kind=plateau", "'step' and 'cosine' need none"),
        ("dash", "search.warm_start=99", "learn after 99 epochs, and there are 2"),
        (
            "wrn",
            "schedule.warm_up=2",
            "= 2: the learning rate would rise to the end",
        ),
        ("wrn", "schedule.warm_up=3", "make it smaller"),
        ("dash", "retrain.schedule.warm_up=2", r"retrain\.schedule\.warm_up = 2: .* 2 epochs;"),
        ("dash", "search.schedule.warm_up=9", r"search\.schedule\.warm_up = 9: "),
        ("convnext", "epochs=1", r"schedule\.warm_up = 1: .* 1 epoch;"),
        ("densenas", "search.epochs=1", "and there are 1; make warm_start smaller"),
        ("auto-deeplab", "search.warm_start=2", "learn after 2 epochs"),
        ("densenas", "schedule.kind=cosine", "the method itself sets the rate"),
        ("densenas", "search.cost_shape=[3, 85]", "1D samples, and these are 2D"),
        ("darts-gaea", "skip=1", "skip: the task asks for an answer at every position"),
        (
            "darts-gaea",
            "evaluation.drop_path_stretch=0.1 -o evaluation.epochs=2",
            "leaves out every path at the end",
        ),
        ("auto-deeplab", "search.filters=1 -o search.steps=1", "make filters larger"),
        ("densenas", "data.samples={train=4}", "^by data.samples, 'search' has 3 samples, of whi"),
        ("densenas", "data.samples={train=3} -o data.split={}", "'search' has 3 samples"),
        (
            "wrn",
            "schedule.milestones=[1, 2, 9]",
            r"^schedule\.milestones: .* not change at 2, sinc",
        ),
        (
            "dash",
            "search.epochs=9 -o search.schedule.milestones=[9]",
            r"^search\.schedule\.milestones: .* 9 epochs, counted from 0; leave it out",
        ),
    ],
)
def test_settings_that_contradict_each_other(name: str, overrides: str, words: str) -> None:
    darcy = task.find("darcy-flow")
    with pytest.raises(KitError, match=words):
        method.find(name).settings(darcy, "clean", "smoke", "regenerated", overrides.split(" -o "))


def test_milestones_that_the_method_has_may_lie_beyond_fewer_epochs() -> None:
    assert max(dash("retrain.epochs=2").retrain.schedule.milestones) > 2
    strict = dash("retrain.epochs=9", "retrain.schedule.milestones=[7]").retrain.schedule.strict
    assert strict
    with pytest.raises(
        KitError, match=r"^retrain\.schedule\.milestones: .* not change at 8, since"
    ):
        dash("retrain.epochs=9", "retrain.schedule.milestones=[8]")


def test_samples_that_do_not_say_how_many_a_role_has() -> None:
    data = dash("data.samples={train=7}", protocol="clean").data
    assert data.folds("search") == ("train",)
    assert (data.most("search"), data.most("test")) == (7, None)
    assert data.most("final_fit") is None  # nothing is said of val
    assert replace_struct(data, window=4).most("search") is None
    halved = {"search": FoldShare(("train", "val"), 0.5, 1.0)}
    both = replace_struct(data, samples={"train": 7, "val": 2}, split=halved)
    assert both.most("search") == 5


def test_classes_of_positions_that_trees_read_whole_samples_for() -> None:
    darcy = task.find("darcy-flow")
    masks = replace(darcy, kind="segmentation", loss="cross-entropy", outputs=3)
    with pytest.raises(KitError, match="xgboost answers by classes from patches: patch must be"):
        method.find("xgboost").settings(masks, "clean", "smoke", "regenerated", ["patch=0"])


def test_a_rate_that_follows_scores_does_not_warm_up() -> None:
    ecg, expert = task.find("ecg"), method.find("expert")
    with pytest.raises(KitError, match=r"schedule\.warm_up is for 'step' and 'cosine', not"):
        expert.settings(ecg, "clean", "smoke", "synthetic", ["schedule.warm_up=2"])


def test_unknown_key_in_a_tasks_rules() -> None:
    darcy = task.find("darcy-flow")
    wrong = replace(darcy, rules={**darcy.rules, "coordinate": True})
    with pytest.raises(KitError, match=r"data\.coordinate.*did you mean 'coordinates'"):
        method.find("dash").settings(wrong, "clean", "paper", "published")


@pytest.mark.parametrize(
    ("name", "column", "override", "words"),
    [
        ("dash", "deepsea", "kernel_sizes=[3, 5, 3]", "kernel_sizes: 3"),
        ("dash-random", "deepsea", "dilations=[1, 1]", "dilations: 1"),
        ("te-nas", "darcy-flow", 'search.operations=["none", "skip_connect", "none"]', "none"),
        ("wrn-asha", "deepsea", "tune.dropouts=[0, 0.0]", "tune.dropouts: 0.0"),
        ("wrn-asha", "deepsea", "tune.momenta=[0.1, 0.9, 0.9]", "tune.momenta: 0.9"),
    ],
)
def test_candidates_differ(name: str, column: str, override: str, words: str) -> None:
    with pytest.raises(KitError, match=f"{words} is there twice"):
        method.find(name).settings(task.find(column), "clean", "smoke", "synthetic", [override])
