"""Searches and trainings on a pretended GPU: the CPU's numbers, and no waiting within a step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kit import method, task
from kit.cli.preparing import prepare_task
from kit.engines import execute as module
from kit.engines.execute import ExecuteOptions, execute
from kit.training.checkpointer import Checkpointer
from tests.pretended_gpu import GPU, Wait, pretended_gpu

STEPS = frozenset({"_step", "_step_together", "batch_loss", "gather"})
"""Functions in which a batch is made, its loss is computed, or its gradients are."""

ALLOWED = {
    # The operations of a step are drawn, and which are computed depends on that.
    "densenas": "sample",
}


@pytest.mark.parametrize(
    ("of", "name"),
    [
        ("darcy-flow", "dash"),
        ("darcy-flow", "darts-gaea"),
        ("darcy-flow", "densenas"),
        ("darcy-flow", "auto-deeplab"),
        ("cosmic", "wrn"),
        ("fsd50k", "wrn"),
        ("psicov", "expert"),
        ("spherical", "expert"),
    ],
)
def test_a_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, smoke_data: Path, of: str, name: str
) -> None:
    found, info = task.find(of), method.find(name)
    tier = found.tiers[-1]
    if of == "darcy-flow":
        monkeypatch.setenv("KIT_DATA", str(smoke_data))
    else:
        prepare_task(found, "smoke", tier)
    spec = info.spec(found, 0, protocol="released", profile="smoke", tier=tier)
    on_cpu = execute(spec, ExecuteOptions(device="cpu", threads=1))
    monkeypatch.setenv("KIT_RESULTS", str(tmp_path))
    monkeypatch.setattr(module, "device_of", lambda *_: GPU)
    later: list[Wait] = []
    with pretended_gpu(monkeypatch) as waits:
        end_epoch = Checkpointer.end_epoch

        def ended(self: Checkpointer, epoch: int, *args: Any, **values: Any) -> None:
            # In the first epoch, constants are made, which the others find.
            later.extend(waits if epoch else [])
            end_epoch(self, epoch, *args, **values)
            waits.clear()

        monkeypatch.setattr(Checkpointer, "end_epoch", ended)
        on_gpu = execute(spec, ExecuteOptions(threads=1))
    assert on_cpu is not None
    assert on_gpu is not None
    assert on_gpu.metrics == on_cpu.metrics
    assert on_gpu.architecture == on_cpu.architecture
    assert later, "all epochs are first ones"
    allowed = {ALLOWED[each] for each in (of, name) if each in ALLOWED}
    in_steps = [each for each in later if each.functions & STEPS]
    assert {each.where for each in in_steps if not each.functions & allowed} == set()
