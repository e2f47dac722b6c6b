from __future__ import annotations

import pytest

from kit import environment
from kit.errors import KitError


def test_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KIT_GPU_WAIT", raising=False)
    assert environment.number("KIT_GPU_WAIT") is None
    monkeypatch.setenv("KIT_GPU_WAIT", "")
    assert environment.number("KIT_GPU_WAIT") is None
    monkeypatch.setenv("KIT_GPU_WAIT", "0")
    assert environment.number("KIT_GPU_WAIT") == 0


@pytest.mark.parametrize("text", ["x", "-1", "nan", "inf"])
def test_what_is_no_number_is_told(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_GPU_WAIT", text)
    with pytest.raises(KitError, match=f"KIT_GPU_WAIT must be .* not '{text}'"):
        environment.number("KIT_GPU_WAIT")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *(("", None), ("0", 0), ("4G", 4 << 30), ("1.5gb", 3 << 29)),
        *(("700 m", 700 << 20), ("1e9", 10**9), ("1t", 1 << 40), ("64GiB", 64 << 30)),
    ],
)
def test_a_size(text: str, size: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_MEMORY", text)
    assert environment.memory() == size


@pytest.mark.parametrize("text", ["lots", "-5", "1k", "90%", "1i", "nan", ".", "1e99", "1e999"])
def test_what_is_no_size_for_a_container(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_MEMORY", text)
    with pytest.raises(KitError, match="KIT_MEMORY must be a size"):
        environment.memory()
