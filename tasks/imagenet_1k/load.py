"""Loading ImageNet: images are read from the user's copy and decoded for each batch."""

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

# Random parts of a picture: smallest share of its area, range of width to height, and the number of
# tries to find one that fits.
SMALLEST = 0.08
RATIOS = (3 / 4, 4 / 3)
ATTEMPTS = 10
# In evaluation, the shorter side of the resized picture relative to the window.
MARGIN = 256 / 224

Box = tuple[float, float, float, float]


class Parameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of ``data.load``.

    Attributes:
        random: whether training takes random parts of pictures; else it takes the middle.
    """

    random: bool = True


class Loader(loading.Loader):
    """Loads squares of ``window`` x ``window`` pixels.

    In training a square is a random part of the picture, resized and flipped at random (Szegedy et
    al. 2015). In evaluation it is the middle of the picture, after its shorter side was resized to
    8/7 of the window. Resizing is bilinear with antialiasing, as usual on ImageNet.
    """

    Parameters = Parameters
    plain: ClassVar[Mapping[str, Any]] = {"random": False}
    draws: ClassVar[bool] = True
    streams: ClassVar[bool] = True

    def addresses(self, indices: npt.NDArray[np.int64], training: bool) -> npt.NDArray[np.int64]:
        """Return addresses (samples, 1): the indices of the samples."""
        del training
        return indices[:, None]

    def gather(self, addresses: Tensor, training: bool) -> Batch:
        """Return images x (batch, 3, window, window), uint8, and classes y (batch,)."""
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
        """Return the square (3, window, window) of an image; ``drawn`` is None for the middle."""
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

    Its area is uniform in 0.08..1 of the picture's, and the logarithm of its aspect ratio is
    uniform in the allowed range. The first of ten such parts that fits is returned; if none fits,
    the largest part in the middle with an allowed ratio.

    Args:
        width: width of the picture, pixels.
        height: height of the picture, pixels.
        drawn: random numbers in 0..1: area and ratio for each of ten tries, then left, top and
            one that is not used here.
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
