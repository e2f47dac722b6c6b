from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from kit import method, task
from kit.methods.expert import ninapro
from kit.methods.expert.info import ExpertSettings
from kit.ops import count
from kit.training.schedules import rate

Floats = npt.NDArray[np.float64]


def test_size_is_the_published_one_and_parameters_lie_in_the_layers_order() -> None:
    network = ninapro.build((1, 16, 52), 18)
    assert count.parameters(network) == 1_364_310
    shapes = [tuple(weight.shape) for weight in network.parameters() if weight.ndim == 2]
    assert shapes == [(128, 16), (52, 52), (500, 128), (500, 500), (2000, 500), (18, 2000)]


def test_the_network_is_what_a_sheet_of_paper_says() -> None:
    """Written out for one sample, steps before sensors as in the original."""
    torch.manual_seed(0)
    network = ninapro.build((1, 4, 6), 3, width=8)
    network.normalise.running_mean = torch.rand(6) - 0.5
    network.normalise.running_var = torch.rand(6) + 0.5
    network = network.double().eval()
    x = torch.randn(1, 1, 4, 6, dtype=torch.float64)
    state = {name: value.numpy() for name, value in network.state_dict().items()}

    def dense(values: Floats, name: str) -> Floats:
        product: Floats = values @ state[f"{name}.weight"].T + state[f"{name}.bias"]
        return product

    def mish(values: Floats) -> Floats:
        activated: Floats = values * np.tanh(np.log1p(np.exp(values)))
        return activated

    def layer_norm(values: Floats, name: str) -> Floats:
        centred = values - values.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
        normed: Floats = scaled * state[f"{name}.weight"] + state[f"{name}.bias"]
        return normed

    steps = x[0, 0].numpy().T  # (steps, sensors)
    mean, variance = (state[f"normalise.running_{name}"][:, None] for name in ("mean", "var"))
    steps = (steps - mean) / np.sqrt(variance + 1e-3)
    steps = layer_norm(mish(dense(steps, "embed.0")), "embed.2")
    weights = np.exp(dense(steps.T, "attention"))
    weights /= weights.sum(1, keepdims=True)
    values = (steps * weights.T).sum(0)
    for number in (1, 5, 9):
        values = layer_norm(mish(dense(values, f"classify.{number}")), f"classify.{number + 2}")
    want = dense(values, "classify.12")
    np.testing.assert_allclose(network(x).detach().numpy()[0], want, rtol=1e-9)


def test_the_rate_falls_from_the_fifth_epoch_on() -> None:
    info = method.find("expert")
    settings = info.settings(task.find("ninapro"), "released", "paper", "published")
    assert isinstance(settings, ExpertSettings)
    assert settings.optimiser.kind == "ranger"
    rates = [rate(1e-3, epoch, settings.schedule, settings.epochs) for epoch in range(205)]
    assert rates[:6] == [1e-3] * 6
    assert rates[105] == pytest.approx((1e-3 + 1e-5) / 2)
    assert rates[204] == pytest.approx(1e-5, rel=0.01)
