"""What a method is given, where no whole run is needed to see it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from kit.base.context import Context
from kit.runs.folder import RunFolder
from tests.engines.fake_run import spec_of


@pytest.mark.parametrize(("device", "memory"), [("cuda", 7), ("cpu", None)])
def test_a_stage_notes_the_memory_that_it_took_of_a_gpu(
    device: str, memory: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 7)
    nothing: Any = None
    data: Any = SimpleNamespace(device=torch.device(device))
    spec = spec_of("darcy-flow", "wrn", 0)
    context = Context(spec, nothing, nothing, data, RunFolder(spec))
    context.finish(context.checkpointer("train", 1))
    assert context.output("train")["cost"]["gpu_memory"] == memory
