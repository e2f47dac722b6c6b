from __future__ import annotations

from typing import Any

import pytest

from kit import discovery, task
from kit.data.loading import Loader
from kit.errors import KitError
from kit.settings import DataConfig


def unused(*_: Any) -> Any:
    raise AssertionError("a wrong setting is told before any array is opened")


@pytest.mark.parametrize(
    ("name", "load", "words"),
    [
        ("fsd50k", {"rounds": 0}, "fsd50k: setting 'data.load.rounds': Expected `int` >= 1"),
        ("fsd50k", {"mix": "abc"}, "setting 'data.load.mix': Expected `float`, got `str`"),
        ("fsd50k", {"bins": 1.5}, "setting 'data.load.bins': Expected `float` <= 1"),
        ("fsd50k", {"round": 1}, "no setting 'data.load.round'; did you mean 'rounds'"),
        ("psicov", {"canvas": -1}, "setting 'data.load.canvas'"),
        ("psicov", {"clip": True}, "setting 'data.load.clip'"),
        ("cosmic", {"sky": "sometimes"}, "data.load.sky = 'sometimes'"),
        ("imagenet-1k", {"random": 0.5}, "setting 'data.load.random': Expected `bool`"),
    ],
)
def test_what_a_loader_cannot_be_told(name: str, load: dict[str, Any], words: str) -> None:
    found = task.find(name)
    loader = discovery.load("tasks", found.folder, "load").Loader
    prepared: Any = None  # told before it is looked at
    with pytest.raises(KitError) as caught:
        loader(found, prepared, DataConfig(load=load), unused)
    assert words in str(caught.value)


def test_a_loader_without_settings_takes_none() -> None:
    prepared: Any = None  # told before it is looked at
    with pytest.raises(KitError, match=r"no setting 'data.load.sky'; there is none"):
        Loader(task.find("ecg"), prepared, DataConfig(load={"sky": "never"}), unused)
