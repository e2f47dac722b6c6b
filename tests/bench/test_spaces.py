"""Steps in search spaces beside straightforward ones."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from kit.bench import spaces
from kit.bench.spaces import darts, tangent_kernel
from kit.cli import cli
from kit.errors import KitError
from kit.spaces import scores

SMALL = {"channels": 4, "layers": 3}


def test_every_space_has_cases_with_a_form_to_compare_with() -> None:
    assert "darts" in spaces.spaces()
    for name in spaces.spaces():
        assert spaces.cases(name)
        assert all(len(case.forms) >= 2 for case in spaces.cases(name))


def test_rows_of_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    forms = {
        name: partial(darts.search_step, form, (2, 1, 8), SMALL)
        for name, form in darts.FORMS.items()
    }
    monkeypatch.setattr(darts, "CASES", (spaces.SpaceCase("darts small", forms),))
    rows = spaces.measure("darts", rounds=1, peaks=False)
    assert [(row["case"], row["method"]) for row in rows] == [
        ("darts small", "module by module"),
        ("darts small", "kit"),
    ]
    assert rows[0]["ratio"] == 1
    assert rows[1]["ratio"] == rows[1]["seconds"] / rows[0]["seconds"]


@pytest.mark.parametrize("form", darts.FORMS.values())
def test_a_step_moves_weights_and_architecture(form: type[nn.Module]) -> None:
    made: list[nn.Module] = []

    def seen(*words: object, **options: object) -> nn.Module:
        made.append(form(*words, **options))
        return made[-1]

    step = darts.search_step(seen, (2, 1, 8), SMALL, "cpu")  # type: ignore[arg-type]
    before = [each.detach().clone() for each in made[0].parameters()]
    step()
    moved = [not torch.equal(a, b) for a, b in zip(before, made[0].parameters(), strict=True)]
    assert all(moved)


def test_an_unknown_space_is_one_line() -> None:
    with pytest.raises(KitError, match="dart"):
        cli.main(["bench", "spaces", "--space", "dart"], standalone_mode=False)


def test_forms_of_the_tangent_kernel_are_the_same_numbers() -> None:
    one, other = (
        tangent_kernel.kernel_step(form, (4, 2, 8, 8), "cpu")()
        for form in (tangent_kernel.sample_by_sample, scores.tangent_kernel)
    )
    torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)
