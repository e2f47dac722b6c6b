from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from kit import method, papers, task
from kit.base.sizes import Size, size
from kit.data.preparing import prepare
from kit.engines.execute import ExecuteOptions, execute
from kit.errors import KitError
from kit.methods.expert import cifar_100, cosmic, fsd50k, psicov
from kit.runs.records import Result
from kit.spec import RunSpec
from kit.training.monitor import Monitor
from tests.specs import smoke_spec

EXPERT = method.find("expert")
TASKS = [name for name in task.names() if papers.has_task(name)]


def expert_spec(name: str, *overrides: str) -> RunSpec:
    return smoke_spec("expert", *overrides, of=name)


@pytest.fixture(scope="module")
def sizes() -> dict[str, Size]:
    found = {name: size(task.find(name), EXPERT) for name in TASKS}
    return {name: each for name, each in found.items() if each is not None}


def test_parameters_and_multiply_adds_are_the_published_ones(sizes: dict[str, Size]) -> None:
    """All digits of NAS-Bench-360's Tables 7 and 8, but for cells whose note tells why not."""
    scales = {7: 1e6, 8: 1e9}
    compared = set()
    for number, scale in scales.items():
        for cell in papers.published("nas-bench-360", number):
            if cell.key.method != "expert" or cell.note:
                continue
            found = sizes[cell.key.task]
            value = (found.parameters if number == 7 else found.multiply_adds) / scale
            digits = len(cell.mean.partition(".")[2])
            assert f"{value:.{digits}f}" == cell.mean, cell.key
            compared.add((number, cell.key.task))
    assert {(7, name) for name in TASKS} <= compared


@pytest.mark.parametrize(
    ("module", "shape", "outputs", "options"),
    [
        (cifar_100, (3, 32, 32), (100,), {"depth": 16, "growth": 6}),
        (psicov, (57, 32, 32), (1, 32, 32), {"depth": 4, "width": 8}),
        (cosmic, (1, 32, 32), (1, 32, 32), {"hidden": 4}),
        (fsd50k, (1, 48, 51), (200,), {}),
    ],
)
def test_steps_lower_the_loss_and_reach_every_weight(
    module: Any, shape: tuple[int, ...], outputs: tuple[int, ...], options: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    network = module.build(shape, outputs[0], **options)
    x = torch.randn(4, *shape)
    y = (torch.rand(4, *outputs) > 0.5).float()
    optimiser = torch.optim.SGD(network.parameters(), 0.01)
    values = []
    for _ in range(3):
        torch.manual_seed(1)
        found = network(x)
        assert found.shape == y.shape
        value = F.mse_loss(found, y)
        values.append(float(value.detach()))
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    assert values[2] < values[1] < values[0]
    assert all(each.grad is not None for each in network.parameters())


def test_dilations_of_deepcon_cycle() -> None:
    network = psicov.build((5, 8, 8), 1, depth=5, width=4)
    found = [m.dilation[0] for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert found == [1, *[1, 1], *[1, 2], *[1, 4], *[1, 1], *[1, 2], 1]


def test_deepcon_takes_maps_of_any_size() -> None:
    network = psicov.build((57, 32, 32), 1, depth=3, width=4)
    found = network(torch.randn(1, 57, 80, 80))
    assert found.shape == (1, 1, 80, 80)
    assert float(found.detach().min()) >= 0


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(KitError, match=r"at least 36 by 36, not 32 by 34; lower data.stride"):
        fsd50k.build((1, 32, 34), 200)
    with pytest.raises(KitError, match="stamps of even sides, not 42 by 43"):
        cosmic.build((1, 42, 43), 1)
    assert fsd50k.build((1, 36, 36), 200).eval()(torch.zeros(1, 1, 36, 36)).shape == (1, 200)


def result_of(spec: RunSpec, notify: Callable[..., None] = lambda *_: None) -> Result:
    result = execute(spec, ExecuteOptions(notify=notify))
    assert result is not None
    return result


def test_both_phases_of_cosmic_survive_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen statistics, a new optimiser and a plateau: the same bits wherever it is cut."""
    monkeypatch.setattr("kit.training.checkpointer.SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    prepare(task.find("cosmic"), "synthetic", "smoke")
    spec = expert_spec(
        "cosmic",
        "epochs=5",
        "fit.frozen_from=2",
        "fit.plateau_when_frozen=true",
        "schedule.patience=0",
        "schedule.cooldown=0",
        "schedule.threshold=0.9",
    )
    whole = result_of(spec)
    for cut in range(1, 5):
        monkeypatch.setenv("KIT_RESULTS", str(tmp_path / str(cut)))

        def stop(stage: str, epoch: int, *_: object, cut: int = cut) -> None:
            if epoch == cut:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            result_of(spec, stop)
        again = result_of(spec)
        assert again.metrics == whole.metrics
        assert again.artifacts == whole.artifacts


def test_frozen_statistics_stay_and_the_rate_falls(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(task.find("cosmic"), "synthetic", "smoke")
    seen: list[tuple[float, dict[str, torch.Tensor]]] = []

    def watched(self: Monitor) -> dict[str, float]:
        rate = self.optimiser.param_groups[0]["lr"]
        seen.append((rate, {k: v.clone() for k, v in self.network.named_buffers()}))
        return {}

    monkeypatch.setattr(Monitor, "after_epoch", watched)
    result_of(expert_spec("cosmic", "epochs=4", "fit.frozen_from=2"))
    assert [rate for rate, _ in seen] == [0.005, 0.005, 0.002, 0.002]
    statistics = [buffers for _, buffers in seen]
    moved = [any(not torch.equal(a[name], b[name]) for name in a) for a, b in pairwise(statistics)]
    assert moved == [True, False, False]


def test_what_a_schedule_or_a_selection_may_not_be_told(darcy: object) -> None:
    with pytest.raises(KitError, match=r"schedule.kind = 'plateau' needs validation.role"):
        result_of(expert_spec("darcy-flow", "schedule.kind=plateau"))
    with pytest.raises(KitError, match=r"samples that are trained on \(val\); leave them out"):
        result_of(expert_spec("darcy-flow", "validation.role=tune_val"))
    with pytest.raises(KitError, match=r"auxiliary = 0.4 weighs other heads, and the network has"):
        result_of(expert_spec("darcy-flow", "auxiliary=0.4"))
    with pytest.raises(KitError, match=r"no setting 'build.modus'; did you mean 'modes'"):
        result_of(expert_spec("darcy-flow", "build.modus=3"))
    with pytest.raises(
        KitError, match=r"build.modes = 20 is more than a padded map has; at most 12"
    ):
        result_of(expert_spec("darcy-flow", "build.modes=20"))


OWN = """
from torch import nn


def build(input_shape, outputs, *, width=3):
    return nn.Conv2d(input_shape[0], width, 1)
"""


def test_a_task_may_bring_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "recipe"
    shutil.copytree(task.find("cosmic").folder, folder)
    text = (folder / "task.py").read_text().replace('name="cosmic"', 'name="recipe"')
    (folder / "task.py").write_text(text)
    monkeypatch.setenv("KIT_TASKS", str(tmp_path))
    assert EXPERT.applies(task.find("recipe")) is not None, "a helper of the kit's is no expert"
    (folder / "expert.py").write_text(OWN)
    found = size(task.find("recipe"), EXPERT)
    assert found is not None
    assert found.parameters == 6
