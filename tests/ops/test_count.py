from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from kit.ops import count


class Odd(nn.Module):
    """Calls functions in every way that there is."""

    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.other = nn.Conv1d(3, 4, 3, padding=1), nn.Conv1d(4, 8, 1)
        self.norm, self.linear = nn.BatchNorm1d(4), nn.Linear(10, 5, bias=False)
        self.register_buffer("scale", torch.ones(4, 1, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(input=self.norm(self.convolution(x)))
        y = y + y.mean(2, keepdim=True)
        y = (y * self.scale).float().add(other=y)
        y = torch.cat((y, torch.empty(0, device=y.device)), 2)
        y = torch.cat(tensors=[y, torch.cat([y, y], -1)], dim=2)[..., :10]
        y = functional.dropout(functional.hardtanh(self.other(y) / 2), 0.5)
        y = functional.linear(y, self.linear.weight) + functional.linear(input=y, weight=y[0, :5])
        return self.linear(torch.fft.rfft(torch.cat([y, y], 2)).abs()[..., :5].repeat(1, 1, 2))


def test_counts_are_torchs() -> None:
    network, x = Odd().eval(), torch.rand(1, 3, 9)
    counter = FlopCounterMode(display=False)
    with counter:
        network(x)
    # What calls a function itself is no layer.
    loose = 2 * 8 * 10 * 5
    assert 2 * (count.multiply_adds(network, x.shape[1:]) + loose) == counter.get_total_flops()


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_convolutions_count_in_any_direction_and_dimension(dims: int, groups: int) -> None:
    forth = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1]
    back = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)[dims - 1]
    network = nn.Sequential(
        forth(4, 6, 3, stride=2, groups=groups), back(6, 2, 2, stride=2, groups=groups)
    )
    shape = (4, *(9, 8, 7)[:dims])
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network(torch.rand(1, *shape))
    assert 2 * count.multiply_adds(network, shape) == counter.get_total_flops()


def test_torchs_compiler_is_not_imported() -> None:
    program = """if True:
        import sys
        import torch
        from kit.backbones import convnext, wide_resnet
        from kit.ops import count
        shape = (3, 32, 32)
        for place, build in (
            ("cpu", wide_resnet.build), ("cpu", convnext.build), ("meta", wide_resnet.build)
        ):
            with torch.device(place):
                network = build(shape, 10)
            assert count.multiply_adds(network, shape) > 1e6
        assert not {"torch._dynamo", "sympy"} & {*sys.modules}
        """
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_network_is_left_as_it_was(dtype: torch.dtype) -> None:
    network = nn.Sequential(nn.Conv1d(3, 4, 3), nn.BatchNorm1d(4)).to(dtype).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    random = torch.get_rng_state()
    assert count.multiply_adds(network, (3, 9)) == 3 * 4 * 3 * 7
    assert network.training
    assert not network[0]._forward_hooks
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)


def test_a_network_without_weights_has_none() -> None:
    assert count.multiply_adds(nn.Flatten(), (3, 9)) == 0
