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
