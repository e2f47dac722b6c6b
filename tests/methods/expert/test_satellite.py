from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from kit import task
from kit.data.loading import Batch
from kit.data.preparing import prepare
from kit.engines.execute import ExecuteOptions, execute
from kit.methods.expert import satellite
from kit.methods.expert.layers.rocket import Rocket
from kit.ops import count
from kit.runs.records import Result
from kit.settings import Schedule, Validation
from tests.specs import smoke_spec


def by_kernel(rocket: Rocket, x: torch.Tensor) -> torch.Tensor:
    """Kernel by kernel, place by place."""
    features = np.zeros((len(x), 2, len(rocket.biases)))
    for group in rocket.groups:
        for kernel in range(group.part.start, group.part.stop):
            taps = rocket.weights[kernel, : group.length].numpy()
            padded = np.pad(x[:, 0].numpy(), ((0, 0), (group.padding, group.padding)))
            places = padded.shape[1] - (group.length - 1) * group.dilation
            values = np.stack(
                [
                    padded[:, start :: group.dilation][:, : group.length] @ taps
                    for start in range(places)
                ],
                axis=1,
            )
            values += float(rocket.biases[kernel])
            features[:, 0, kernel] = values.max(1)
            features[:, 1, kernel] = (values > 0).mean(1)
    return torch.from_numpy(features).flatten(1)


@pytest.mark.parametrize("at_a_time", [1, 4000, 1 << 17])
def test_features_are_those_of_a_loop_over_kernels(
    at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kit.methods.expert.layers.rocket.CPU_VALUES", at_a_time)
    torch.manual_seed(0)
    rocket = Rocket(46, 200).double()
    x = torch.randn(19, 1, 46, dtype=torch.float64)
    torch.testing.assert_close(rocket(x), by_kernel(rocket, x), atol=1e-6, rtol=0)
    single = rocket.float()(x.float())
    assert float((single - by_kernel(rocket, x.float())).abs().max()) < 1e-5


def test_kernels_are_drawn_as_the_paper_says() -> None:
    torch.manual_seed(3)
    rocket = Rocket(46, 3000)
    sizes = dict.fromkeys((7, 9, 11), 0)
    padded = 0
    for group in rocket.groups:
        sizes[group.length] += group.count
        padded += group.count * (group.padding > 0)
        assert 1 <= group.dilation <= 45 // (group.length - 1)
        assert group.padding in (0, (group.length - 1) * group.dilation // 2)
        taps = rocket.weights[group.part]
        assert float(taps.sum(1).abs().max()) < 1e-5
        assert not taps[:, group.length :].any()
    assert min(sizes.values()) > 900
    assert 1400 < padded < 1600
    assert -1 <= float(rocket.biases.min()) < -0.9
    torch.manual_seed(3)
    assert torch.equal(Rocket(46, 3000).weights, rocket.weights)
    torch.manual_seed(4)
    assert not torch.equal(Rocket(46, 3000).weights, rocket.weights)


def test_an_exported_one_takes_batches_of_any_size() -> None:
    rocket = Rocket(46, 40)
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(
        rocket, (torch.randn(2, 1, 46),), dynamic_shapes=({0: batch},), strict=False
    )
    for size in (1, 5):
        x = torch.randn(size, 1, 46)
        torch.testing.assert_close(program.module()(x), rocket(x))


def test_only_the_linear_layer_is_trained_and_has_the_published_size() -> None:
    with torch.device("meta"):
        network = satellite.build((1, 46), 24)
    assert count.parameters(network) == 480_024
    assert 3e6 < count.multiply_adds(network, (1, 46)) < 5e6


def test_features_are_standardised_and_a_constant_one_becomes_zero() -> None:
    torch.manual_seed(0)
    network = satellite.build((1, 46), 3, kernels=50)
    x = torch.randn(64, 1, 46)
    network.rocket.biases[7] = 1000.0  # always positive
    network.standardise(x)
    features = network.features(x)
    torch.testing.assert_close(features.mean(0), torch.zeros(100), atol=1e-3, rtol=0)
    assert float(features[:, 57].abs().max()) == 0
    spread = features.std(0, correction=0)
    torch.testing.assert_close(spread[:7], torch.ones(7))


def test_the_first_step_decides_on_the_rate() -> None:
    """With features so large that a step at the higher rates makes the loss worse."""
    torch.manual_seed(0)
    network = satellite.build((1, 46), 3, kernels=50)
    x, y = torch.randn(64, 1, 46), torch.arange(64) % 3
    batch = Batch(x, y, y, y)
    network.standardise(x)
    wide = satellite.best_rate(network, batch, batch, 0.1)
    network.scale /= 100
    assert satellite.best_rate(network, batch, batch, 0.1) == pytest.approx(wide / 100)


def monitor(scores: list[float]) -> satellite.StepMonitor:
    network = nn.Linear(1, 1)
    optimiser = torch.optim.SGD(network.parameters(), lr=1.0)
    left = iter(scores)
    schedule = Schedule(kind="plateau", factor=0.5, patience=1)
    validation = Validation(role="tune_val", patience=2)
    return satellite.StepMonitor(network, optimiser, schedule, validation, lambda: next(left))


def test_the_end_is_decided_by_two_stalls_and_stays_decided() -> None:
    watch = monitor([3.0, 4.0, 2.0, 2.5, 2.0, 1.0])
    ends = []
    for step in range(60):
        ended = watch.after_step(step // 30)
        assert ended == (step >= 30 and watch.ended), "not within the first epoch"
        ends.append(watch.ended)
    assert ends == [False] * 49 + [True] * 11
    assert watch.optimiser.param_groups[0]["lr"] == 0.5
    again = monitor([])
    again.load_state_dict(watch.state_dict())
    assert again.ended
    assert again.after_epoch() == {"validation": 1.0}


def run(**how: Any) -> Result | None:
    spec = smoke_spec("expert", "epochs=4", "batch_size=2", of="satellite", protocol="clean")
    return execute(spec, ExecuteOptions(**how))


def test_an_interrupted_training_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(task.find("satellite"), "synthetic", "smoke")
    monkeypatch.setattr("kit.training.checkpointer.SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    whole = run()
    monkeypatch.setenv("KIT_RESULTS", str(tmp_path / "other"))
    left = 2

    def stop(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(notify=stop)
    again = run()
    assert whole is not None
    assert again is not None
    weights = [result.artifacts[0].sha256 for result in (whole, again)]
    assert weights[0] == weights[1]
