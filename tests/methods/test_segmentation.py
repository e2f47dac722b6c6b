"""Segmentation, which no task of the papers is: searches answer at every position."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from kit import method, task
from kit.base.method import load
from kit.base.sizes import MetaContext
from kit.errors import KitError
from kit.method import architectures
from kit.settings import convert

TASK = replace(task.find("darcy-flow"), kind="segmentation", outputs=3, loss="cross-entropy")


@pytest.mark.parametrize(
    ("name", "hook"),
    [
        ("auto-deeplab", "supernet"),
        ("darts-gaea", "supernet"),
        ("darts-gaea", "network"),
        ("densenas", "supernet"),
        ("densenas", "network"),
        ("densenas-random", "network"),
        ("te-nas", "network"),
        ("wrn", "network"),
    ],
)
def test_networks_answer_at_every_position(name: str, hook: str) -> None:
    info = method.find(name)
    given = []
    if hook == "network" and info.architecture is not None:
        owner = info if architectures.released(info, TASK.name) else method.find("darts-gaea")
        given = [architectures.override(owner, "released", TASK.name, 0)]
    spec = info.spec(
        TASK, 0, protocol="clean", profile="smoke", tier="regenerated", overrides=given
    )
    context = MetaContext(spec, TASK, convert(spec.settings, info.settings_type, name))
    with torch.device("meta"):
        network = getattr(load(info, spec), hook)(context)
    assert isinstance(network, nn.Module)
    x = torch.empty(2, *context.input_shape, device="meta")
    assert network.eval()(x).shape == (2, 3, *context.input_shape[1:])


def test_maps_stay_as_large_as_the_sample() -> None:
    """What is held to tasks with an answer per position is held to segmentation, too."""
    with pytest.raises(KitError, match="answer at every position"):
        method.find("densenas").settings(
            TASK, "clean", "smoke", "regenerated", ['supernet="cifar-100"']
        )
