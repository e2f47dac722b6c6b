"""What users get wrong, and the one line that each is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kit import Architecture, dash_search
from kit.search import AlphaGradients, discretise, supernet

SMALL: dict[str, Any] = {"kernel_sizes": (3, 5), "dilations": (1, 2), "epochs": 1}


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv1d(2, 3, 3, padding=1), nn.AdaptiveAvgPool1d(1), nn.Flatten())


def data() -> list[tuple[Tensor, Tensor]]:
    torch.manual_seed(0)
    return [(torch.randn(4, 2, 9), torch.randint(3, (4,)))]


@pytest.mark.parametrize("of", [np.array, iter, lambda values: (each for each in values)])
def test_sizes_may_be_any_whole_numbers(of: Callable[[list[int]], Any]) -> None:
    plain = dash_search(model(), data(), **SMALL)
    sizes = {"kernel_sizes": of([3, 5]), "dilations": of([1, 2])}
    assert dash_search(model(), data(), **{**SMALL, **sizes}) == plain
    network = supernet(model(), data()[0][0], of([3, 5]), of([1, 2]))
    assert discretise(network)["0"] in [(3, 1), (3, 2), (5, 1), (5, 2)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kernel_sizes": 3}, r"^kernel sizes to search are .*, such as \(3, 5\), not 3$"),
        ({"dilations": 2}, r"^dilations to search are .*, such as \(3, 5\), not 2$"),
        ({"kernel_sizes": "35"}, r"^kernel sizes to search are .*, not 35$"),
        ({"epochs": 1.0}, r"^epochs are a whole number, not 1\.0$"),
        ({"epochs": "1"}, "^epochs are a whole number, not '1'$"),
        ({"clip": "1"}, "^clip is a number from 0 on, not '1'$"),
        ({"temperature": "1"}, "^the temperature is a number above 0, not '1'$"),
        ({"temperature": None}, "^the temperature is a number above 0, not None$"),
        ({"clip": None}, "^clip is a number from 0 on, not None$"),
        ({"learning_rate": 1e39}, r"^learning_rate is at most 3\.4e\+38, not 1e\+39$"),
        ({"alpha_learning_rate": 1e39}, r"^alpha_learning_rate is at most 3\.4e\+38, not 1e\+39$"),
        ({"loss": "cross-entropy"}, "^loss is a function such as .* did you mean 'cross_entropy'"),
        (
            {"loss": "foo"},
            "^loss is a function such as .*, not 'foo'; there is .*huber_loss, l1_lo",
        ),
        ({"checkpoint": 3}, "^checkpoint is a path, not 3$"),
        ({"learning_rate": [1]}, r"^learning_rate is a number from 0 on, not \[1\]$"),
        ({"include": None}, "^include has patterns of names of layers, .*, not None$"),
        ({"exclude": [0]}, r"^exclude has patterns of names of layers, .*, not \[0\]$"),
    ],
)
def test_arguments_of_other_types(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dash_search(model(), data(), **{**SMALL, **changes})


@pytest.mark.parametrize("wrong", [None, 5])
def test_data_that_are_no_batches(wrong: Any) -> None:
    with pytest.raises(ValueError, match=f"^the data must be .*, not {type(wrong).__name__}$"):
        dash_search(model(), wrong, **SMALL)


def test_patterns_may_be_had_only_once() -> None:
    two = nn.Sequential()
    two.add_module("first", nn.Conv1d(2, 2, 3, padding=1))
    two.add_module("other", model())
    found = dash_search(two, data(), exclude=iter(["other"]), **SMALL)  # type: ignore[arg-type]
    assert list(found.choices) == ["first"]


def test_a_single_size_is_told_by_supernets_too() -> None:
    with pytest.raises(ValueError, match=r"^kernel sizes to search are .*, not 3$"):
        supernet(model(), data()[0][0], 3, (1, 2))  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_models_of_few_digits(dtype: torch.dtype) -> None:
    words = rf"^the model is in {dtype}; search it in float32: model\.float\(\)$"
    for x in (data()[0][0], data()[0][0].to(dtype)):
        with pytest.raises(ValueError, match=words):
            supernet(model().to(dtype), x, (3, 5), (1, 2))


def test_models_without_weights() -> None:
    with pytest.raises(ValueError, match=r"^the model is on the meta device, without weights; "):
        dash_search(model().to("meta"), data(), **SMALL)


class Keeps(nn.Module):
    """Keeps what it computed."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.last = model(), torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        self.last = self.layer(x)
        return self.last


def test_models_that_cannot_be_copied() -> None:
    keeps = Keeps()
    keeps(data()[0][0])
    words = "^the model cannot be copied; does it keep what it computed as an attribute?"
    with pytest.raises(ValueError, match=words):
        dash_search(keeps, data(), **SMALL)
    with pytest.raises(ValueError, match=words) as raised:
        Architecture({"layer.0": (3, 1)}).apply(keeps)
    assert "\n" not in str(raised.value)
    keeps.last = torch.empty(0)
    assert list(dash_search(keeps, data(), **SMALL).choices) == ["layer.0"]


class Masked(Keeps):
    """Takes more than a batch has."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        return self.layer(x * mask)


def test_models_that_take_more_than_a_sample() -> None:
    with pytest.raises(ValueError, match=r"^the model does not take a sample \(1, 2, 9\) .*'mask'"):
        dash_search(Masked(), data(), **SMALL)


def test_networks_without_mixtures_and_fields_that_there_are_not() -> None:
    with pytest.raises(ValueError, match=r"^the network has no mixtures; give what supernet"):
        discretise(model())
    words = "^field is one of extent, ten-kernel-sizes, not 'foo'$"
    with pytest.raises(ValueError, match=words):
        AlphaGradients([], scale=1.0, penalty=0.0, field="foo")  # type: ignore[arg-type]


def test_what_is_saved_can_be_loaded(tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    Architecture({"a": (np.int64(3), 1)}).save(file)  # type: ignore[dict-item]
    assert Architecture.load(file).choices == {"a": (3, 1)}
    with pytest.raises(ValueError, match=r"^the architecture has no layers to save$"):
        Architecture({}).save(file)
    with pytest.raises(ValueError, match='layer "a": the kernel size is a whole number'):
        Architecture({"a": (0, 1)}).save(file)
    assert Architecture.load(file).choices == {"a": (3, 1)}
