"""Reduced profiles of ECG cut real records, whatever fold a method takes."""

from __future__ import annotations

from typing import Any

import pytest

from kit import method, task

ECG = task.find("ecg")
ROLES = ("search", "search_val", "tune_fit", "tune_val", "final_fit", "test")


@pytest.mark.parametrize("profile", ["lite", "smoke"])
@pytest.mark.parametrize("protocol", ["released", "clean"])
@pytest.mark.parametrize("name", ["wrn", "dash"])
def test_every_fold_of_every_role_has_a_limit(name: str, protocol: Any, profile: Any) -> None:
    data: Any = method.find(name).settings(ECG, protocol, profile, "published").data
    folds = {fold for role in ROLES for fold in data.folds(role)}
    assert ("90-10-train" in folds) == (protocol == "released")
    assert folds <= set(data.samples)
