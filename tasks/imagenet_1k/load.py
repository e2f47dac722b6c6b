"""Loading ImageNet: images are read where they are, decoded and cut when a batch needs them."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from msgspec import Struct
from torch import Tensor

from kit import extras
from kit.data import loading, raw
from kit.data.loading import Batch
from kit.errors import DataError, KitError

from .index import read

# A training image shows this share of the picture at least, this wide to this high.
SMALLEST = 0.08
RATIOS = (3 / 4, 4 / 3)
ATTEMPTS = 10
# What evaluation cuts from: 256 for 224.
MARGIN = 256 / 224

Box = tuple[float, float, float, float]


class Parameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``data.load`` can say.

    Attributes:
        random: false for the middle of the picture in training, too.
    """

    random: bool = True


class Loader(loading.Loader):
    """Squares of ``window`` pixels: a random, resized and flipped part of a picture in training.

    In evaluation the middle of the picture, after its shorter side was brought to 8/7 of the
    window. Bilinear with antialiasing, as is usual on ImageNet (Szegedy et al. 2015).
    """

    Parameters = Parameters
    plain: ClassVar[Mapping[str, Any]] = {"random": False}
    draws: ClassVar[bool] = True
    streams: ClassVar[bool] = True

    def addresses(self, indices: npt.NDArray[np.int64], training: bool) -> npt.NDArray[np.int64]:
        """Return (samples, 1): the samples' indices."""
        del training
        return indices[:, None]

    def gather(self, addresses: Tensor, training: bool) -> Batch:
        """Return x (batch, 3, side, side), uint8."""
        rows, device = addresses[:, 0].cpu(), addresses.device
        training = training and self.parameters.random
        drawn = torch.rand(len(rows), 2 * ATTEMPTS + 3).tolist() if training else []
        x = np.empty((len(rows), 3, self.config.window, self.config.window), np.uint8)
        offsets, letters = self.prepared.array("x-offsets"), self.prepared.array("x")
        for place, row in enumerate(rows.tolist()):
            address = letters[offsets[row] : offsets[row + 1]].tobytes()
            x[place] = self._square(address, drawn[place] if training else None)
        return Batch(
            x=torch.from_numpy(x).to(device),
            y=torch.from_numpy(np.array(self.prepared.array("y")[rows.numpy()])).to(device),
            sample_id=rows.to(device),
            unit_id=rows.to(device),
        )

    def _square(self, address: bytes, drawn: list[float] | None) -> npt.NDArray[np.uint8]:
        library = pillow()
        side = self.config.window
        try:
            content = io.BytesIO(read(raw.folder_of(self.task), address))
            picture = library.open(content, formats=("JPEG", "PNG")).convert("RGB")
        except (OSError, SyntaxError, ValueError, library.DecompressionBombError) as error:
            raise DataError(f"imagenet-1k: {address.decode()}: {error}") from None
        width, height = picture.size
        box = middle(width, height) if drawn is None else part(width, height, drawn)
        square = np.asarray(picture.resize((side, side), library.Resampling.BILINEAR, box=box))
        if drawn is not None and drawn[-1] < 0.5:
            square = square[:, ::-1]
        return square.transpose(2, 0, 1)


def part(width: int, height: int, drawn: list[float]) -> Box:
    """Return a random part of a picture: (left, top, right, bottom).

    Its area is uniform in 0.08..1 of the picture's, the logarithm of its ratio is uniform too; the
    first of ten such that fits, else the largest in the middle.

    Args:
        width: of the picture, pixels.
        height: of the picture, pixels.
        drawn: uniform in 0..1: area and ratio of each attempt, then the place.
    """
    low, high = map(math.log, RATIOS)
    for attempt in range(ATTEMPTS):
        share, slant = drawn[2 * attempt : 2 * attempt + 2]
        area = width * height * (SMALLEST + (1 - SMALLEST) * share)
        ratio = math.exp(low + (high - low) * slant)
        w, h = math.sqrt(area * ratio), math.sqrt(area / ratio)
        if w <= width and h <= height:
            left, top = (width - w) * drawn[-3], (height - h) * drawn[-2]
            return left, top, left + w, top + h
    w, h = min(width, height * RATIOS[1]), min(height, width / RATIOS[0])
    return (width - w) / 2, (height - h) / 2, (width + w) / 2, (height + h) / 2


def middle(width: int, height: int) -> Box:
    """Return the square in the middle whose side is 7/8 of the picture's shorter one."""
    cut = min(width, height) / MARGIN
    return (width - cut) / 2, (height - cut) / 2, (width + cut) / 2, (height + cut) / 2


def pillow() -> ModuleType:
    """Return the library that decodes pictures.

    Raises:
        KitError: it is not installed.
    """
    try:
        from PIL import Image
    except ModuleNotFoundError:
        raise KitError(f"imagenet-1k needs pillow: {extras.install('images')}") from None
    return Image
