"""What the raw readers' checks accept and how they refuse the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kit.data import checks
from kit.errors import DataError


def test_what_fits_is_returned_as_it_is() -> None:
    content = {"x": np.arange(6.0).reshape(2, 3), "y": [1, 3]}
    fields = checks.fields("f", content, ("x", "y"))
    assert checks.numbers("f: x", fields["x"], (2, None)) is content["x"]
    assert checks.labels("f: y", fields["y"], 2, range(1, 4)).tolist() == [0, 2]


@pytest.mark.parametrize(
    ("value", "shape", "message"),
    [
        (np.zeros((2, 0)), (2, None), r"x is float64 \(2, 0\), not numbers \(2, n\)"),
        (np.zeros(2), (2, 1), r"x is float64 \(2,\), not numbers \(2, 1\)"),
        (["a"], (1,), "x is a str, not a number"),
        (None, (), "x is a NoneType, not a number"),
        ([[1], [2, 3]], (2, 1), "x is a list of unequal lists"),
        ([np.inf], (1,), "x holds values that are not finite"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(
    value: Any, shape: tuple[int | None, ...], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        checks.numbers("x", value, shape)


def test_one_type_alone_may_be_asked_for() -> None:
    with pytest.raises(DataError, match=r"x is float32 \(1,\), not uint8 \(1,\)"):
        checks.numbers("x", np.zeros(1, np.float32), (1,), np.uint8)


@pytest.mark.parametrize("value", [[0, 1], [1, 4], [1.5, 2]])
def test_labels_outside_the_classes_are_refused(value: list[float]) -> None:
    with pytest.raises(DataError, match=r"y holds values outside 1\.\.3"):
        checks.labels("y", value, 2, range(1, 4))


def test_a_dictionary_without_a_field_is_refused() -> None:
    with pytest.raises(DataError, match="f: there is no field 'y'"):
        checks.fields("f", {"x": 1}, ("x", "y"))
    with pytest.raises(DataError, match="f: not a dictionary but a list"):
        checks.fields("f", [], ())
