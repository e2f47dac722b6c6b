from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from kit import method, task
from kit.methods.expert import ecg
from kit.methods.expert.info import ExpertSettings
from kit.ops import count
from kit.training.schedules import rate


def test_size_is_the_published_one() -> None:
    with torch.device("meta"):
        network = ecg.build((1, 1000), 4)
        assert network(torch.empty(3, 1, 1000)).shape == (3, 4)
    assert round(count.parameters(network) / 1e6, 1) == 16.5
    assert count.parameters(network) == 16_512_644


def test_halvings_and_doublings_come_where_the_original_has_them() -> None:
    with torch.device("meta"):
        network = ecg.build((1, 1000), 4)
    blocks = [block for block in network.blocks if isinstance(block, ecg.EcgBlock)]
    assert [number for number, block in enumerate(blocks) if block.stride == 2] == [
        *range(1, 48, 6)
    ]
    assert [number for number, block in enumerate(blocks) if block.added] == [12, 24, 36]
    assert blocks[-1].conv2.out_channels == 1024


def test_a_shortcut_pools_with_a_zero_at_the_end_and_adds_channels_on_both_sides() -> None:
    block = ecg.EcgBlock(4, 8, 2, groups=2, first=False).eval()
    nn.init.zeros_(block.conv2.weight)
    assert block.conv2.bias is not None
    nn.init.zeros_(block.conv2.bias)
    x = -torch.arange(1.0, 21.0).reshape(1, 4, 5)
    pooled = F.max_pool1d(F.pad(x, (0, 1)), 2)
    assert float(pooled[0, 0, 2]) == 0  # -5 against the zero
    y = block(x)
    assert y.shape == (1, 8, 3)
    assert torch.equal(y[:, 2:6], pooled)
    assert not y[:, [0, 1, 6, 7]].any()


def test_the_released_schedule_is_a_plateau_that_is_told_the_epoch() -> None:
    info = method.find("expert")
    settings = info.settings(task.find("ecg"), "released", "paper", "published")
    assert isinstance(settings, ExpertSettings)
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1e-4)
    plateau = ReduceLROnPlateau(optimiser, factor=0.1, patience=10)
    for epoch in range(settings.epochs):
        want = rate(1e-4, epoch, settings.schedule, settings.epochs)
        assert optimiser.param_groups[0]["lr"] == pytest.approx(want)
        plateau.step(epoch)
