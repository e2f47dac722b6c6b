"""Arguments of other types: each says in one line what is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from kit.ops import AggConv1d, AggConv2d, agg_conv

ARRAY = np.zeros((2, 3), np.float32)
VALID: dict[str, Any] = {
    "x": torch.ones(2, 3, 8),
    "weights": [torch.ones(4, 3, 3), torch.ones(4, 3, 3)],
    "alpha": torch.ones(2),
    "kernel_sizes": (3,),
    "dilations": (1, 2),
}


@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        ("x", ARRAY, "x must be a tensor of torch, not ndarray; torch.as_tensor makes one"),
        ("x", None, "x must be a tensor of torch, not NoneType"),
        ("alpha", [0.5, 0.5], "alpha must be a tensor of torch, not list"),
        ("weights", [ARRAY, ARRAY], "weight 0 must be a tensor of torch, not ndarray"),
        ("weights", None, "weights must be a list of tensors of torch, not NoneType"),
        ("weights", torch.ones(()), "weights must be a list of tensors of torch, not Tensor"),
        ("weights", [torch.ones(())] * 2, "weight 0 must have the axes"),
        ("kernel_sizes", ARRAY, "kernel_sizes must be positive integers, not [[0. 0. 0.]"),
        ("method", ["auto"], "unknown method ['auto']; there are auto"),
        ("memory", ARRAY, "memory must be 'fast' or 'small', not array"),
    ],
)
def test_a_wrong_argument_is_one_line(name: str, wrong: Any, words: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$") as raised:
        agg_conv(**{**VALID, name: wrong})
    assert str(raised.value).startswith(words)


def test_weights_may_be_any_series_of_tensors() -> None:
    expected = agg_conv(**VALID)
    for weights in (tuple(VALID["weights"]), iter(VALID["weights"]), torch.stack(VALID["weights"])):
        torch.testing.assert_close(agg_conv(**{**VALID, "weights": weights}), expected)


@pytest.mark.parametrize("kind", [AggConv1d, AggConv2d])
def test_modules_take_tensors_and_mixtures_are_functions(kind: Any) -> None:
    with pytest.raises(ValueError, match=r"^input must be a tensor of torch, not ndarray"):
        kind(3, 4, (3,), (1,))(ARRAY)
    with pytest.raises(ValueError, match=r"^mixture is a function of alpha, not None$"):
        kind(3, 4, (3,), (1,), mixture=None)
