"""Arguments of other types: each public function says in one line what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kit import Architecture, dash_search
from kit.search import (
    AlphaGradients,
    ExponentiatedGradient,
    discretise,
    gumbel_softmax,
    instantiate,
    mixtures,
    supernet,
)

ARRAY = np.zeros((2, 3))
NOT_MODULES = [None, "foo", ARRAY, torch.zeros(3), nn.Conv1d]
CHOICES = {"0": (3, 1)}


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv1d(2, 3, 3, padding=1), nn.AdaptiveAvgPool1d(1), nn.Flatten())


def data() -> list[tuple[Tensor, Tensor]]:
    return [(torch.randn(4, 2, 9), torch.randint(3, (4,)))]


def told(call: Callable[[], object]) -> str:
    with pytest.raises(ValueError, match=r"^[^\n]+$") as raised:
        call()
    return str(raised.value)


@pytest.mark.parametrize("wrong", NOT_MODULES)
@pytest.mark.parametrize(
    "function",
    [
        lambda wrong: dash_search(wrong, data(), epochs=1),
        lambda wrong: supernet(wrong, data()[0][0], (3,), (1,)),
        lambda wrong: instantiate(wrong, CHOICES),
        lambda wrong: Architecture(CHOICES).apply(wrong),
        mixtures,
        discretise,
    ],
)
def test_no_module(function: Callable[[Any], object], wrong: Any) -> None:
    words = "is the class Conv1d" if wrong is nn.Conv1d else "must be a torch.nn.Module, not "
    assert words in told(lambda: function(wrong))


@pytest.mark.parametrize("name", ["loss", "progress"])
@pytest.mark.parametrize("wrong", [None, "foo", ARRAY, nn.CrossEntropyLoss])
def test_no_function(name: str, wrong: Any) -> None:
    words = "give CrossEntropyLoss()" if wrong is nn.CrossEntropyLoss else f"{name} is a function"
    assert words in told(lambda: dash_search(model(), data(), epochs=1, **{name: wrong}))


@pytest.mark.parametrize(
    "name", ["learning_rate", "clip", "temperature", "epochs", "kernel_sizes", "include"]
)
def test_arrays_are_told_of_in_one_line(name: str) -> None:
    options: dict[str, Any] = {"epochs": 1, name: ARRAY}
    told(lambda: dash_search(model(), data(), **options))


@pytest.mark.parametrize(
    "wrong", [None, 3, ["0"], {"0": None}, {"0": (3,)}, {"0": (0.5, 1)}, {"0": (0, 1)}, {0: (3, 1)}]
)
def test_choices_of_another_form(wrong: Any) -> None:
    assert "is a whole number" in (
        words := told(lambda: Architecture(wrong).apply(model()))
    ) or words.startswith("choices are")


@pytest.mark.parametrize("wrong", [["0"], {"0": (3,)}, {0: (3, 1)}])
def test_what_is_no_architecture_is_not_saved(tmp_path: Any, wrong: Any) -> None:
    assert "choices are" in told(lambda: Architecture(wrong).save(tmp_path / "found.json"))
    assert not (tmp_path / "found.json").exists()


def test_a_padding_that_there_is_not() -> None:
    words = told(lambda: instantiate(model(), CHOICES, "same"))  # type: ignore[arg-type]
    assert words == "padding is one of centred, causal, not 'same'"


def test_a_sample_that_is_no_tensor() -> None:
    assert "the sample must be a tensor of torch, not ndarray" in told(
        lambda: supernet(model(), ARRAY, (3,), (1,))  # type: ignore[arg-type]
    )


def test_logits_that_are_no_tensor_and_no_temperature() -> None:
    assert "alpha must be a tensor of torch" in told(
        lambda: gumbel_softmax(ARRAY)  # type: ignore[arg-type]
    )
    assert "temperature is a number above 0" in told(lambda: gumbel_softmax(torch.zeros(2), 0))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layers": [nn.Linear(1, 1)]}, "layers are the mixtures of a supernet"),
        ({"layers": None}, "layers are the mixtures of a supernet"),
        ({"layers": torch.zeros(())}, "layers are the mixtures of a supernet"),
        ({"scale": None}, "scale is a number from 0 on"),
        ({"penalty": -1}, "penalty is a number from 0 on"),
    ],
)
def test_gradients_of_what_is_no_mixture(changes: dict[str, Any], words: str) -> None:
    options: dict[str, Any] = {"layers": [], "scale": 1.0, "penalty": 0.0, "field": "extent"}
    assert words in told(lambda: AlphaGradients(**{**options, **changes}))


def test_rates_floors_and_parts_that_are_none() -> None:
    rows = [torch.ones(2, 3)]
    assert "lr is a number from 0 on" in told(lambda: ExponentiatedGradient(rows, -1.0))
    assert "floor is a number from 0 on" in told(lambda: ExponentiatedGradient(rows, 0.1, -1.0))
    for parts in ([1, 1], [3, 0], 3, [1.5, 1.5]):
        groups = [{"params": rows, "parts": parts}]
        words = told(lambda groups=groups: ExponentiatedGradient(groups, 0.1))  # type: ignore[misc]
        assert words.startswith("parts are lengths, which add up to those of the rows, 3; not ")
    ExponentiatedGradient([{"params": rows, "parts": [1, 2]}], 0.1)
