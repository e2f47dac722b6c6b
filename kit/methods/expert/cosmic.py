"""deepCR-mask: a U-Net with one step down and up (Zhang and Bloom, ApJ 889:24, 2020, section 3).

It is trained in two phases: batch norms use the statistics of batches, then frozen ones, since a
batch of a few stamps says little about the sky.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kit.base.context import Context
from kit.base.fit import fit as fit_network
from kit.base.fit import make_monitor
from kit.errors import KitError
from kit.methods.expert.info import ExpertSettings
from kit.training.checkpointer import Checkpointer
from kit.training.loop import Hooks
from kit.training.optimisers import make_optimiser

# The factor by which the rate of the second phase is lower.
CUT = 2.5


def build(
    input_shape: tuple[int, ...], outputs: int, *, hidden: int = 32, momentum: float = 0.005
) -> nn.Module:
    """Return the network for stamps (1, side, side) of an even side; its output is logits.

    Args:
        input_shape: of one stamp.
        outputs: channels of the answer.
        hidden: channels at full resolution.
        momentum: of the batch norms: the weight of a new batch's statistics.

    Raises:
        KitError: a side is odd.
    """
    if any(size % 2 for size in input_shape[1:]):
        rows, columns = input_shape[1:]
        raise KitError(f"the expert takes stamps of even sides, not {rows} by {columns}")
    return UNet(input_shape[0], outputs, hidden, momentum)


class UNet(nn.Module):
    """Two convolutions, two at half the resolution, two at full resolution again, one answer."""

    def __init__(self, channels: int, outputs: int, hidden: int, momentum: float) -> None:
        super().__init__()
        self.before = _twice(channels, hidden, momentum)
        self.below = nn.Sequential(nn.MaxPool2d(2), *_twice(hidden, 2 * hidden, momentum))
        self.up = nn.ConvTranspose2d(2 * hidden, hidden, 2, stride=2)
        self.after = _twice(2 * hidden, hidden, momentum)
        self.answer = nn.Conv2d(hidden, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, side, side) -> (batch, outputs, side, side)."""
        full_resolution = self.before(x)
        upsampled = self.up(self.below(full_resolution))
        return self.answer(self.after(torch.cat([full_resolution, upsampled], dim=1)))


def fit(
    context: Context,
    checkpointer: Checkpointer,
    network: nn.Module,
    settings: ExpertSettings,
    *,
    frozen_from: int,
    plateau_when_frozen: bool = True,
) -> None:
    """Train in two phases; the second one begins with a new optimiser.

    Args:
        context: gives the folds, the device and the seed.
        checkpointer: of the stage; both phases go on from its last checkpoint.
        network: trained in place.
        settings: with the optimiser and the schedule of the first phase.
        frozen_from: the first epoch of the second phase.
        plateau_when_frozen: whether a ``plateau`` schedule goes on in it; that of deepCR acts on
            the first phase's optimiser, and so cuts nothing.
    """
    optimiser = make_optimiser([{"params": list(network.parameters())}], settings.optimiser)
    fold = context.fold("final_fit")
    monitor = make_monitor(context, network, settings, optimiser, fold)

    def before_epoch(epoch: int) -> None:
        if epoch < frozen_from:
            return
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        if epoch == frozen_from:
            optimiser.state.clear()
            for group in optimiser.param_groups:
                group["lr"] = group["initial_lr"] / CUT
            if monitor is not None:
                monitor.restart()
        if monitor is not None and not plateau_when_frozen:
            monitor.plateau = None

    fit_network(
        context,
        checkpointer,
        network,
        fold,
        settings,
        optimiser=optimiser,
        monitor=monitor,
        hooks=Hooks(before_epoch=before_epoch),
    )


def _twice(channels: int, outputs: int, momentum: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in (channels, outputs):
        layers += [
            nn.Conv2d(width, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs, momentum=momentum),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)
