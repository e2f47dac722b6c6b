from __future__ import annotations

import pytest
import torch

from kit import task
from kit.base import networks
from kit.data.preparing import prepare
from kit.engines.execute import ExecuteOptions, execute
from kit.methods.expert import deepsea
from kit.ops import count
from kit.runs.folder import RunFolder
from kit.training import tensors
from tests.specs import smoke_spec


def test_size_is_the_published_one_and_parameters_lie_in_the_layers_order() -> None:
    with torch.device("meta"):
        network = deepsea.build((4, 1000), 36)
        assert network(torch.empty(2, 4, 1000)).shape == (2, 36)
    assert count.parameters(network) == 60_902_740
    shapes = [tuple(weight.shape) for weight in network.parameters()]
    assert shapes == [(320, 4, 8), (480, 320, 8), (960, 480, 8), (925, 60_480), (36, 925)]


def test_poolings_pad_both_sides_and_channels_come_last_when_flattened() -> None:
    network = deepsea.build((4, 18), 3, width=2, hidden=5).eval()
    x = torch.rand(1, 4, 18)
    y = torch.relu(network.convolutions[0](x))
    # 18 steps to 5 windows of 4: one beyond each end.
    y = torch.stack([part.amax(2) for part in y.split([3, 4, 4, 4, 3], dim=2)], dim=2)
    y = torch.relu(network.convolutions[1](y))
    # 5 to 2: three are missing, the odd one at the end.
    y = torch.stack([part.amax(2) for part in y.split([3, 2], dim=2)], dim=2)
    y = torch.relu(network.convolutions[2](y))
    assert y.shape == (1, 6, 2)
    flat = torch.cat([y[0, :, 0], y[0, :, 1]])
    torch.testing.assert_close(network(x)[0], network.answer(torch.relu(network.hidden(flat))))


@pytest.mark.parametrize("norm", [0.5, 0.9, 3.0])
def test_norms_are_limited_per_filter_and_input_and_per_unit(norm: float) -> None:
    network = deepsea.build((4, 100), 3, width=4, hidden=8)
    for weight in network.parameters():
        weight.data *= norm / weight.data.norm(dim=-1, keepdim=True)
    network.limit_norms()
    for weight in network.parameters():
        found = weight.detach().norm(dim=-1)
        torch.testing.assert_close(found, torch.full_like(found, min(norm, 0.9)))


def test_training_limits_the_norms() -> None:
    found = task.find("deepsea")
    prepare(found, "synthetic", "smoke")
    spec = smoke_spec("expert", of="deepsea", protocol="clean")
    execute(spec, ExecuteOptions())
    trained = tensors.load(RunFolder(spec).path / "artifacts" / networks.WEIGHTS)
    norms = trained["hidden.weight"].norm(dim=1)
    assert float(norms.max()) <= 0.9 + 1e-6
    fresh = deepsea.build((4, 1000), 36, width=8, hidden=16)
    assert float(fresh.hidden.weight.detach().norm(dim=1).min()) > 0.9
