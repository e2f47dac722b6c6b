"""NinaPro: the simple attention network for electromyography (Josephs et al., 2020).

After Keras: weights by Glorot's uniform rule, biases zero, batch normalisation with epsilon 1e-3
and momentum 0.99 (0.01 in torch's terms).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class AttentionNet(nn.Module):
    """Embed each time step, add up the steps by attention, classify.

    Args:
        sensors: values per time step.
        steps: in time.
        outputs: classes.
        width: of the classifier's first two layers; its third has four times as many units.
        dropout: before each of them.
    """

    def __init__(self, sensors: int, steps: int, outputs: int, width: int, dropout: float) -> None:
        super().__init__()
        embedded = 128
        # Statistics are of a time step over all samples and sensors.
        self.normalise = nn.BatchNorm1d(steps, eps=1e-3, momentum=0.01)
        self.embed = nn.Sequential(nn.Linear(sensors, embedded), nn.Mish(), nn.LayerNorm(embedded))
        self.attention = nn.Linear(steps, steps)
        layers: list[nn.Module] = []
        before = embedded
        for units in (width, width, 4 * width):
            layers += [nn.Dropout(dropout), nn.Linear(before, units), nn.Mish()]
            layers += [nn.LayerNorm(units)]
            before = units
        self.classify = nn.Sequential(*layers, nn.Linear(before, outputs))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 1, sensors, steps) -> (batch, outputs)."""
        embedded = self.embed(self.normalise(x.flatten(1, 2).transpose(1, 2)))
        features = embedded.transpose(1, 2)
        attention = self.attention(features).softmax(dim=2)
        return self.classify((features * attention).sum(dim=2))


def build(
    input_shape: Sequence[int], outputs: int, *, width: int = 500, dropout: float = 0.36
) -> AttentionNet:
    """Return the network for (channels, sensors, steps) samples."""
    channels, sensors, steps = input_shape
    return AttentionNet(channels * sensors, steps, outputs, width, dropout)
