"""Loading PSICOV: inputs of 57 channels are assembled on the device.

Training uses random crops, evaluation whole maps. A map is put on a canvas with a border of 5
pixels at the top and left. Border and unused canvas are 0 in the input and 100 angstrom in the
target.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from msgspec import Struct
from torch import Tensor

from kit.data import loading
from kit.data.loading import Batch
from kit.errors import DataError
from kit.settings.common import Amount, Count

BORDER, FAR = 5, 100.0
# The side of a canvas whose size is not stated is a multiple of this.
MULTIPLE = 16


class Parameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of ``data.load``.

    Attributes:
        canvas: side of the canvas in evaluation, pixels; 0 for the smallest multiple of 16 that
            fits the fold's longest protein.
        clip: largest target in training, angstrom; larger ones are clipped.
    """

    canvas: Count = 512
    clip: Amount = 16.0


class Loader(loading.Loader):
    """Loads maps of proteins.

    In training a map that is larger than the window is cropped, at a row and a column that are
    drawn independently, and targets are clipped. In evaluation the whole map is at the top left of
    a canvas, targets are not clipped, and ``mask`` is True for pairs of residues.
    """

    Parameters = Parameters
    draws: ClassVar[bool] = True

    def addresses(self, indices: npt.NDArray[np.int64], training: bool) -> npt.NDArray[np.int64]:
        """Return addresses (samples, 2): the protein, and the side of the crop or canvas.

        Raises:
            DataError: a protein is too long for the canvas.
        """
        side = self.config.window
        if not training:
            needed = int(self.prepared.array("length")[indices].max()) + 2 * BORDER
            side = self.parameters.canvas or -(-needed // MULTIPLE) * MULTIPLE
            if needed > side:
                length = needed - 2 * BORDER
                raise DataError(
                    f"{self.task.name}: a protein of {length} residues does not fit on "
                    f"data.load.canvas = {side}; {needed} would do"
                )
        return np.stack([indices, np.full_like(indices, side)], axis=1)

    def gather(self, addresses: Tensor, training: bool) -> Batch:
        """Return x (batch, 57, side, side) and y (batch, 1, side, side), angstrom."""
        protein = addresses[:, 0]
        length = self.take("length")(protein)
        # Read from the addresses, a GPU would have to be waited for.
        side = self.config.window if training else int(addresses[0, 1])
        room = (length + 2 * BORDER - side).clamp(min=0)[:, None, None]
        shift = torch.zeros(len(protein), 2, 1, dtype=torch.int64, device=protein.device)
        if training:
            uniform = torch.rand(len(protein), 2, 1, device=protein.device)
            shift = (uniform * (room + 1)).long().minimum(room)
        # The residue of each pixel's row and column; outside the protein it is out of range.
        residue = torch.arange(side, device=protein.device) - BORDER + shift
        known = (residue >= 0) & (residue < length[:, None, None])
        inside = known[:, 0, :, None] & known[:, 1, None, :]
        residue = residue.clamp(min=0).minimum(length[:, None, None] - 1)
        y = self._pairs("y", protein, residue, length).where(inside, FAR)
        if training:
            y = y.clamp(max=self.parameters.clip)
        single = self.take("x")(self.take("x-offsets")(protein)[:, None, None] + residue)
        maps = self._pairs("maps", protein, residue, length)
        return Batch(
            x=_channels(single, maps).mul_(inside[:, None]),
            y=y[:, None],
            sample_id=protein,
            unit_id=self.take("unit_id")(protein),
            mask=None if training else inside[:, None],
            length=length,
        )

    def _pairs(self, name: str, protein: Tensor, residue: Tensor, length: Tensor) -> Tensor:
        """Return entries (batch, side, side, ...) of maps, whose rows are joined in one array."""
        rows, columns = residue[:, 0, :, None], residue[:, 1, None, :]
        first = self.take(f"{name}-offsets")(protein)[:, None, None]
        return self.take(name)(first + rows * length[:, None, None] + columns)


def _channels(single: Tensor, maps: Tensor) -> Tensor:
    """Return inputs (batch, 2 n + m, side, side) made of features of residues and of pairs.

    Each of the n features of residues gives two channels: that of the column's residue, then that
    of the row's. They are written in place, since copies of whole inputs would dominate the cost.

    Args:
        single: features of residues (batch, 2, side, n), for rows and for columns.
        maps: features of pairs (batch, side, side, m).
    """
    batch, _, side, features = single.shape
    rows, columns = single.movedim(-1, 1).unbind(2)
    x = single.new_empty(batch, 2 * features + maps.shape[-1], side, side)
    x[:, 0 : 2 * features : 2] = columns[:, :, None, :]
    x[:, 1 : 2 * features : 2] = rows[:, :, :, None]
    x[:, 2 * features :] = maps.movedim(-1, 1)
    return x
