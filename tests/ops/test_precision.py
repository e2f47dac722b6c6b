"""What torch is allowed around AggConv (autocast, TF32, bfloat16) does not reach it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from kit.ops import METHODS
from kit.ops.precision import full, product_flags
from tests.ops.cases import Case, relative_errors

CASES = (
    Case(4, 48, 40, (64,), (3, 5), (1, 3, 7), 1, 1),
    Case(4, 16, 16, (12, 20), (3, 5), (1, 3), 2, 1),
    Case(64, 32, 32, (48,), (3, 5), (1, 3, 7), 1, 32),
)


@pytest.fixture
def _half_products() -> Iterator[None]:
    """Let torch take bfloat16 for products of float32, as a user might for speed."""
    torch.set_float32_matmul_precision("medium")
    yield
    torch.set_float32_matmul_precision("highest")
    for kind in (*product_flags("cpu"), *product_flags("cuda")):
        kind.fp32_precision = "ieee"


@pytest.mark.parametrize("method", [*METHODS, "auto"])
def test_results_and_gradients_stay_float32s(method: str, request: pytest.FixtureRequest) -> None:
    cases = [case for case in CASES if method in (*case.methods(), "auto")]
    expected = [case.run(method, torch.float32) for case in cases]
    request.getfixturevalue("_half_products")
    for case, wanted in zip(cases, expected, strict=True):
        assert max(relative_errors(case.run(method, torch.float32), wanted)) < 1e-5, case


@pytest.mark.usefixtures("_half_products")
def test_of_threads_the_first_sets_and_the_last_sets_back() -> None:
    products, _ = product_flags("cpu")
    first, last = full("cpu"), full("cpu")
    first.__enter__()
    last.__enter__()
    first.__exit__(None, None, None)
    assert products.fp32_precision == "ieee"
    last.__exit__(None, None, None)
    assert products.fp32_precision == "bf16"


@pytest.mark.usefixtures("_half_products")
def test_what_was_allowed_is_allowed_again() -> None:
    for device, allowed in (("cpu", "bf16"), ("cuda", "tf32")):
        products, _ = product_flags(device)
        with full(device):
            assert products.fp32_precision == "ieee"
        assert products.fp32_precision == allowed
