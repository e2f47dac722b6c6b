"""Settings of how fast networks are trained, and at what precision."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Speed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes training faster; all of it is off in the papers' runs. Predictions are as ever.

    Attributes:
        precision: of products in training; weights, statistics, losses and AggConvs are float32 all
            the same. ``float32`` is IEEE's, where torch's default for convolutions is ``tf32``.
            ``float64``, of everything in training, makes nothing faster: it leaves no difference
            between ways to compute the same.
        channels_last: the memory layout of images, 2D tasks alone. Dropout falls elsewhere.
        compile: networks are compiled, supernets are not; it takes a minute at the start.
        cuda_graphs: forward and backward passes are recorded once and replayed, batches of the
            usual size alone.
    """

    precision: Literal["float32", "float64", "tf32", "bf16"] = "float32"
    channels_last: bool = False
    compile: bool = False
    cuda_graphs: bool = False
