"""Losses and backbones by a task's answers and axes: what does not fit is refused before a run."""

from __future__ import annotations

from inspect import signature
from itertools import product
from pathlib import Path

import pytest
import torch
from msgspec import Struct

from kit import backbones, method, task
from kit.base.method import load
from kit.base.sizes import MetaContext
from kit.data.loading import Batch
from kit.errors import KitError
from kit.metrics import Prediction, evaluator
from kit.settings.loss_names import ANSWERS, PARAMETERS, LossName
from kit.settings.losses import OF_LABELS, check_losses, fitting
from kit.training.losses import LOSSES, loss
from tests.specs import smoke_spec

METHODS = {name: method.find(name).settings_type for name in method.names()}
WITH_LOSS = [name for name, kind in METHODS.items() if "loss" in kind.__struct_fields__]
WITH_BACKBONE = [name for name, kind in METHODS.items() if "backbone" in kind.__struct_fields__]
# One of each kind of answers that the papers' tasks have, and of each number of axes.
TASKS = ("cifar-100", "darcy-flow", "psicov", "cosmic", "deepsea", "ecg", "fsd50k")


def settings(name: str, of: str, override: str) -> None:
    method.find(name).settings(task.find(of), "released", "smoke", "synthetic", [override])


def test_the_facts_are_those_of_the_losses_and_backbones() -> None:
    assert ANSWERS.keys() == LOSSES.keys()
    for name, (function, kind) in LOSSES.items():
        assert (kind == "field") == (ANSWERS[name] == "numbers")
        options = [each for each in signature(function).parameters.values() if each.kind == 3]
        assert PARAMETERS.get(name, ()) == tuple(each.name.replace("_", "-") for each in options)
    assert backbones.AXES.keys() == {
        file.stem.replace("_", "-")
        for file in Path(backbones.__file__).parent.glob("*.py")
        if file.stem != "__init__"
    }
    for name, axes in backbones.AXES.items():
        built = backbones.backbone(name).build((3, *[32] * axes), 2, width=2)
        assert built(torch.zeros(2, 3, *[32] * axes)).shape == (2, 2)


@pytest.mark.parametrize("name", WITH_LOSS)
def test_losses_by_the_answers_of_a_task(name: str) -> None:
    for of, loss_name in product(TASKS, ANSWERS):
        if method.find(name).applies(task.find(of)) is not None:
            continue
        if loss_name in fitting(task.find(of).loss):
            settings(name, of, f"loss={loss_name}")
        else:
            words = f"^loss = '{loss_name}' is for .*, and the answers of {of} are .*; there is "
            with pytest.raises(KitError, match=words):
                settings(name, of, f"loss={loss_name}")


@pytest.mark.parametrize("name", WITH_LOSS)
def test_losses_that_there_are_not(name: str) -> None:
    of = next(each for each in TASKS if method.find(name).applies(task.find(each)) is None)
    with pytest.raises(KitError, match=r"^unknown loss 'hinge'; there is bce, cross-entropy, "):
        settings(name, of, "loss=hinge")
    one = fitting(task.find(of).loss)[0]
    with pytest.raises(KitError, match=f"^loss '{one}:lambda=3': no parameter 'lambda'"):
        settings(name, of, f"loss={one}:lambda=3")


def test_a_word_of_a_methods_own_is_left_to_it() -> None:
    class Own(Struct):
        loss: str

    class Named(Struct):
        loss: LossName | None

    class Required(Struct):
        loss: LossName

    check_losses(Own("hinge"), "ecg", "cross-entropy", 4)
    check_losses(Named(None), "ecg", "cross-entropy", 4)
    for kind in (Named, Required):
        with pytest.raises(KitError, match="unknown loss 'hinge'"):
            check_losses(kind("hinge"), "ecg", "cross-entropy", 4)


def test_scales_are_one_or_one_for_each_output() -> None:
    settings("wrn", "darcy-flow", "loss=scaled-mse:scale=2")
    words = r"^loss = 'scaled-mse:scale=1/2': scale has 2 numbers for 1 output; give one for all"
    with pytest.raises(KitError, match=words):
        settings("wrn", "darcy-flow", "loss=scaled-mse:scale=1/2")


@pytest.mark.parametrize("name", ["wrn", "dash", "darts-gaea", "amber", "densenas"])
def test_a_layout_of_images_is_not_for_sequences(name: str) -> None:
    words = r"^speed\.channels_last is for 2D tasks, and this one is 1D"
    with pytest.raises(KitError, match=words):
        settings(name, "deepsea", "speed.channels_last=true")


def test_losses_of_validations_too() -> None:
    with pytest.raises(KitError, match=r"^unknown loss 'hinge'"):
        settings("auto-deeplab", "darcy-flow", "search.validation_loss=hinge")
    with pytest.raises(KitError, match=r"^search\.validation_loss = 'bce' is for labels"):
        settings("auto-deeplab", "darcy-flow", "search.validation_loss=bce")
    with pytest.raises(KitError, match=r"^loss = 'focal:gamma=3' is for classes"):
        settings("wrn", "darcy-flow", "loss=focal:gamma=3")


def test_what_fits_can_be_trained_on_and_scored() -> None:
    shapes = {
        ("classes", 1): ((6, 3), torch.randint(3, (6,))),
        ("classes", 2): ((6, 3, 4, 4), torch.randint(3, (6, 4, 4), dtype=torch.uint8)),
        ("labels", 1): ((6, 3), torch.randint(2, (6, 3), dtype=torch.uint8)),
        ("labels", 2): ((6, 1, 4, 4), torch.randint(2, (6, 1, 4, 4), dtype=torch.uint8)),
        ("numbers", 1): ((6, 3), torch.randn(6, 3)),
        ("numbers", 2): ((6, 2, 4, 4), torch.randn(6, 2, 4, 4)),
    }
    metrics = {"classes": "zero-one-error", "labels": "one-minus-auroc", "numbers": "rmse"}
    of = {"classes": "cifar-100", "labels": "deepsea", "numbers": "darcy-flow"}
    for (answers, _), (shape, y) in shapes.items():
        ids = torch.arange(6)
        batch = Batch(x=torch.zeros(6, 1, 4), y=y, sample_id=ids, unit_id=ids)
        for name in fitting(task.find(of[answers]).loss):
            function, kind = loss(name)
            output = torch.randn(shape, requires_grad=True)
            value = function(output, batch)
            value.backward()
            assert value.isfinite(), name
            if answers != "labels" or len(shape) == 2:
                scored = evaluator(metrics[answers], task.find(of[answers]))
                scored.update(Prediction(output.detach(), kind), batch)
                assert scored.compute()[metrics[answers]].value is not None


def test_labels_are_numbers_too_and_numbers_no_labels() -> None:
    assert fitting("masked-bce") == fitting("bce:pos-weight=4") == OF_LABELS
    assert "mse" in OF_LABELS
    assert "bce" not in fitting("relative-l2")
    assert fitting("one of somebody's own") == []


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("levels=0", "option 'levels': Expected `int` >= 1, not 0"),
        ("levels='8'", "option 'levels': Expected `int`, got `str`, not '8'"),
        ("weight_norm=3", "option 'weight_norm': Expected `bool`, got `int`, not 3"),
        ("padding=centered", "unknown padding of backbone tcn 'centered'; did you mean 'centred'"),
        ("readout=1", "unknown readout of backbone tcn '1'; there is last, mean"),
        ("level=8", "backbone tcn has no option 'level'; did you mean 'levels'"),
    ],
)
def test_options_of_backbones(option: str, words: str) -> None:
    ecg = task.find("ecg")
    spec = smoke_spec("tcn", f"backbone_options.{option}", of="ecg")
    tcn = load(method.find("tcn"), spec)
    with pytest.raises(KitError, match=words):
        tcn.network(MetaContext(spec, ecg, tcn.settings))


@pytest.mark.parametrize("name", WITH_BACKBONE)
def test_backbones_by_the_axes_of_a_task(name: str) -> None:
    for of, (backbone, axes) in product(TASKS, backbones.AXES.items()):
        if method.find(name).applies(task.find(of)) is not None:
            continue
        if task.find(of).dims == axes:
            settings(name, of, f"backbone={backbone}")
        else:
            words = rf"^backbone = '{backbone}' takes samples of {axes} axes, .*; there is \w+"
            with pytest.raises(KitError, match=words):
                settings(name, of, f"backbone={backbone}")
    with pytest.raises(KitError, match="unknown backbone 'wide-resnt'; did you mean"):
        settings(name, "ecg" if "tcn" in name else "cifar-100", "backbone=wide-resnt")
