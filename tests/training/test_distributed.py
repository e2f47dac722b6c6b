"""Two processes that train together, by gloo on a CPU, against one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from kit import task
from kit.data import preparing
from kit.data.loading import Batch
from kit.training import distributed

pytestmark = pytest.mark.long

# Batches of 5, 5, 5 and 1 samples: parts of 3 and 2, and one sample for both.
WORDS = [
    *("run", "ninapro", "dash-convnext", "--seed", "0", "--profile", "smoke", "--tier"),
    *("synthetic", "--device", "cpu", "--threads", "1", "-o", "batch_size=5"),
    *("-o", "search.batch_fraction=1.0", "-o", "tune.learning_rates=[0.004, 0.001]"),
    # Few candidates: processes share their gradients as those of many.
    *("-o", "kernel_sizes=[3, 5]", "-o", "dilations=[1, 3]"),
]


def together(words: list[str], results: Path, processes: int) -> list[str]:
    """Run ``kit`` as torchrun would, and return what each process printed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = []
    for rank in range(processes):
        environment = os.environ | {"KIT_RESULTS": str(results)}
        if processes > 1:
            numbers: dict[str, object] = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes}
            numbers |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
            environment |= {name: str(value) for name, value in numbers.items()}
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "kit", *words],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    printed = [process.communicate(timeout=300)[0] for process in started]
    assert [process.returncode for process in started] == [0] * processes, printed
    return printed


def left(results: Path) -> tuple[list[float], Any]:
    """All losses of a run, and its result."""
    (file,) = results.glob("runs/*/*/*/*/history.jsonl")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    trials = sorted(file.parent.glob("trials/*/history.jsonl"))
    for trial in trials:
        lines += [json.loads(line) for line in trial.read_text().splitlines()]
    result = json.loads((file.parent / "result.json").read_text())
    return [line["loss"] for line in lines], result


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    preparing.prepare(task.find("ninapro"), "synthetic", "smoke")
    together(WORDS, tmp_path / "one", 1)
    printed = together(WORDS, tmp_path / "two", 2)
    (alone, one), (shared, two) = left(tmp_path / "one"), left(tmp_path / "two")
    assert len(alone) == 2 + 2 + 2, "epochs of search, retraining and two trials"
    assert shared == pytest.approx(alone, rel=1e-4)
    assert two["architecture"] == one["architecture"]
    assert two["metrics"] == one["metrics"]
    assert "zero-one-error" in printed[0]
    assert printed[1] == ""


def test_a_bilevel_search_of_two_processes(tmp_path: Path) -> None:
    """Steps that learners take in turn average their gradients themselves.

    In float64, since what two sums of float32 differ by grows from step to step.
    """
    preparing.prepare(task.find("ninapro"), "synthetic", "smoke")
    words = [*WORDS, "-o", "search.level=bilevel", "--protocol", "clean", "--until", "search"]
    words += ["-o", "speed.precision=float64"]
    lines = []
    for processes in (1, 2):
        together(words, tmp_path / str(processes), processes)
        (file,) = (tmp_path / str(processes)).glob("runs/*/*/*/*/history.jsonl")
        lines.append([json.loads(line) for line in file.read_text().splitlines()])
    assert len(lines[0]) == len(lines[1]) == 2
    for one, two in zip(*lines, strict=True):
        assert two["loss"] == pytest.approx(one["loss"], rel=1e-9)
        assert two["architecture_loss"] == pytest.approx(one["architecture_loss"], rel=1e-9)
        for ours, theirs in zip(one["alpha"], two["alpha"], strict=True):
            assert theirs == pytest.approx(ours, abs=2e-6)


def test_parts_of_a_batch_weigh_as_their_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Means of parts, weighted and averaged over processes, are the mean of the whole."""
    x = torch.arange(7.0)
    batch = Batch(x=x, y=x, sample_id=x, unit_id=x)
    monkeypatch.setattr(distributed, "world", lambda: 3)
    parts = []
    for rank in range(3):
        monkeypatch.setattr("torch.distributed.get_rank", lambda rank=rank: rank)
        parts.append(distributed.shard(batch))
    assert torch.cat([part.x for part, _ in parts]).tolist() == x.tolist()
    mean = sum(weight * float(part.x.mean()) for part, weight in parts) / 3
    assert mean == pytest.approx(float(x.mean()))
    few = Batch(x=x[:2], y=x[:2], sample_id=x[:2], unit_id=x[:2])
    assert distributed.shard(few) == (few, 1.0)


def test_a_sum_over_samples_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from kit.training.losses import loss

    torch.manual_seed(0)
    x, y = torch.rand(4, 1, 5), torch.rand(4, 1, 5) + 1
    batch = Batch(x=x, y=y, sample_id=x, unit_id=x)
    monkeypatch.setattr(distributed, "world", lambda: 2)
    for name in ("relative-l2", "mse"):
        function = loss(name)[0]
        values = []
        for rank in range(2):
            monkeypatch.setattr("torch.distributed.get_rank", lambda rank=rank: rank)
            part, weight = distributed.shard(batch)
            weight = distributed.weight_of(function, weight, batch, part)
            values.append(weight * float(function(part.x, part)))
        assert sum(values) / 2 == pytest.approx(float(function(x, batch)), rel=1e-5)
