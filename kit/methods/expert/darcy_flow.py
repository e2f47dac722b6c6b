"""FNO-2D, the Fourier neural operator (Li et al., ICLR 2021, sections 4 and 5.2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.errors import KitError
from kit.methods.expert.layers.spectral import SpectralConv2d

# The domain is not periodic: zeros keep its right and left, bottom and top edges apart.
PADDING = 9
HIDDEN = 128


def build(
    input_shape: tuple[int, ...], outputs: int, *, modes: int = 12, width: int = 32
) -> nn.Module:
    """Return the operator for maps (channels, rows, columns).

    Args:
        input_shape: of one input.
        outputs: channels of the answer.
        modes: lowest frequencies kept per axis, on either side of zero along the rows.
        width: channels within.

    Raises:
        KitError: the padded map has fewer frequencies than ``modes``.
    """
    rows, columns = (size + PADDING for size in input_shape[1:])
    most = min(rows // 2, columns // 2 + 1)
    if modes > most:
        raise KitError(f"build.modes = {modes} is more than a padded map has; at most {most}")
    return FourierOperator(input_shape[0], outputs, modes, width)


class FourierOperator(nn.Module):
    """Lift to ``width`` channels, four Fourier layers, two layers per position."""

    def __init__(self, channels: int, outputs: int, modes: int, width: int) -> None:
        super().__init__()
        self.lift = nn.Linear(channels + 2, width)
        self.spectral = nn.ModuleList(SpectralConv2d(width, width, modes) for _ in range(4))
        self.pointwise = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(4))
        self.hidden = nn.Linear(width, HIDDEN)
        self.answer = nn.Linear(HIDDEN, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, rows, columns) -> (batch, outputs, rows, columns)."""
        rows, columns = x.shape[2:]
        grid = torch.meshgrid(
            torch.linspace(0, 1, rows, device=x.device),
            torch.linspace(0, 1, columns, device=x.device),
            indexing="ij",
        )
        places = [axis.expand(x.shape[0], 1, rows, columns) for axis in grid]
        x = self.lift(torch.cat([x, *places], dim=1).movedim(1, -1)).movedim(-1, 1)
        x = F.pad(x, (0, PADDING, 0, PADDING))
        for number, (spectral, pointwise) in enumerate(
            zip(self.spectral, self.pointwise, strict=True)
        ):
            x = F.gelu(x) if number else x
            x = spectral(x) + pointwise(x)
        x = x[..., :rows, :columns].movedim(1, -1)
        return self.answer(F.gelu(self.hidden(x))).movedim(-1, 1)
