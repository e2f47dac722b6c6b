"""A GPU that torch cannot use is refused in a line, never left alone in silence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from kit.engines import devices, torch_device
from kit.errors import KitError
from tests.conftest import Run
from tests.engines.nvml import FakeGpus

Make = Callable[..., FakeGpus]
LINE = "torch cannot use the GPU here (Stand-in): torch {} is built "


@pytest.fixture
def driver(fake_gpus: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU whose driver runs CUDA 12.4, and a torch that sees none."""
    fake_gpus(1)
    monkeypatch.setenv("KIT_FAKE_NVML_CUDA", "12040")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.usefixtures("driver")
@pytest.mark.parametrize(
    ("built", "words"),
    [(None, "is built without CUDA; install"), ("13.0", "for CUDA 13.0, its driver runs 12.4;")],
)
def test_why_torch_cannot_use_it(
    built: str | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.version, "cuda", built)
    with pytest.raises(KitError) as told:
        torch_device.choose(None)
    assert words in str(told.value)
    assert "--device cpu" in str(told.value)
    assert devices.cuda_version() == "12.4"


@pytest.mark.usefixtures("driver")
@pytest.mark.parametrize("variable", ["KIT_GPU", "CUDA_VISIBLE_DEVICES"])
def test_who_hides_it_or_asks_for_the_cpu_gets_the_cpu(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert torch_device.choose("cpu") == "cpu"
    monkeypatch.setenv(variable, "-1")
    assert torch_device.choose(None) == "cpu"


def test_without_a_gpu_and_with_one_that_can_be_used(
    fake_gpus: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    gpus = fake_gpus(0)
    monkeypatch.setenv("KIT_FAKE_NVML_CUDA", "12040")
    assert torch_device.choose(None) == "cpu"
    gpus.uuids = ["GPU-00000000-aaaa-bbbb-cccc-dddddddddddd"]
    gpus.write()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert torch_device.choose(None) == "cuda"


@pytest.mark.usefixtures("driver", "darcy")
def test_no_command_goes_on_without_a_word(kit: Run, home: Path) -> None:
    line = LINE.format(torch.__version__)
    one = "--profile smoke --seed 0"
    for words in (
        f"run darcy-flow wrn {one}",
        f"reproduce --table 5 --task darcy-flow --method wrn {one} --engine local",
        "bench epoch --profile smoke",
    ):
        done = kit(*words.split())
        assert (done.returncode, line in done.stderr) == (2, True), done.stderr
        assert "Traceback" not in done.stderr
    assert not list((home / "results").rglob("result.json"))
    told = json.loads(kit("doctor", "--format", "json").stdout)
    (gpu,) = (each for each in told if each["check"] == "gpu")
    assert not gpu["ok"]
    assert line in gpu["detail"]
    done = kit(*f"run darcy-flow wrn {one} --device cpu".split())
    assert done.returncode == 0, done.stderr
