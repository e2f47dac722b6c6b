from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch

from kit.bench import aggconv
from kit.bench import measure as measure_module
from kit.bench.aggconv import measure, ratios
from kit.bench.aggconv.cases import CASES, AggConvCase, multiply_adds, supports
from kit.bench.aggconv.steps import PLAIN, other_layer, step
from kit.bench.measure import in_fresh_process, interleaved

SMALL = AggConvCase("small", 2, 3, 3, (12,), True, (3, 5), (1, 3))


def test_calls_are_interleaved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure_module, "WARM", 0.0)
    calls: list[str] = []
    functions = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    times = interleaved(functions, rounds=3)
    assert calls == ["a", "b"] + ["a", "a", "b", "b"] * 3
    assert set(times) == {"a", "b"}
    with pytest.raises(ValueError, match="rounds"):
        interleaved(functions, rounds=0)


def test_short_calls_are_repeated_until_they_are_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure_module, "WARM", 0.05)
    calls: list[float] = []
    interleaved({"a": lambda: calls.append(time.perf_counter())}, rounds=1)
    assert len(calls) > 3
    assert calls[-1] - calls[1] > 0.04


def test_other_work_comes_between_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure_module, "WARM", 0.0)
    calls: list[str] = []
    functions = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    interleaved(functions, rounds=2, between={"b": lambda: calls.append("other")})
    assert calls == ["a", "b", "other"] + ["a", "a", "other", "b"] * 2


def test_cold_calls_come_straight_after_steps_of_another_layer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(measure_module, "WARM", 0.0)
    calls: list[str] = []

    def named(name: str) -> Callable[..., Callable[[], None]]:
        return lambda *_, **__: lambda: calls.append(name)

    monkeypatch.setattr(aggconv, "step", named("mixed"))
    monkeypatch.setattr(aggconv, "other_layer", named("other"))
    (row,) = measure([SMALL], ["auto"], rounds=1, seconds=0, cold=True, peaks=False)
    assert calls[-4:] == ["mixed", "mixed", "other", "mixed"]
    assert row["cold_seconds"] is not None
    (row,) = measure([SMALL], ["auto"], rounds=1, seconds=0, peaks=False)
    assert row["cold_seconds"] is None


def test_the_other_layer_is_trained() -> None:
    case = AggConvCase("strided", 2, 3, 5, (9, 9), False, (3,), (1,), stride=2)
    moved: list[torch.Tensor] = []
    real = torch.optim.SGD

    def spy(parameters: Any, *words: Any, **named: Any) -> torch.optim.SGD:
        moved.extend(parameters)
        return real(moved, *words, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim, "SGD", spy)
        train = other_layer(case)
    before = [weight.detach().clone() for weight in moved]
    train()
    assert not any(torch.equal(a, b) for a, b in zip(before, moved, strict=True))


def test_rows_and_ratios() -> None:
    rows = measure(
        [SMALL],
        ["released", "fourier", "toeplitz", "auto", PLAIN],
        rounds=1,
        seconds=0,
        peaks=False,
    )
    assert [row["method"] for row in rows] == ["released", "fourier", "toeplitz", "auto", PLAIN]
    assert all(row["seconds"] > 0 and row["peak_bytes"] is None for row in rows)
    assert ratios(rows, "released")["small", "released"] == (1.0, None)
    assert multiply_adds(SMALL, "fourier") is not None
    assert multiply_adds(SMALL, PLAIN) is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_peak_memory_in_a_fresh_process() -> None:
    case = AggConvCase("wide", 2, 64, 64, (2000,), True, (3, 5), (1, 3))
    (row,) = measure([case], ["mixed-results"], rounds=1, seconds=0)
    assert row["peak_bytes"] is not None
    # At least the results of the four candidates and the gradient of x.
    assert row["peak_bytes"] > 2 * 64 * 2000 * 4 * 4


def test_a_failing_process_is_reported() -> None:
    with pytest.raises(RuntimeError, match="failed in its process"):
        in_fresh_process("kit.bench.aggconv.peaks:no_such_function")


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match="unknown methods"):
        measure([SMALL], ["magic"])
    assert not supports(CASES[0], "toeplitz")
    with pytest.raises(ValueError, match="does not serve"):
        step(CASES[0], "toeplitz")
