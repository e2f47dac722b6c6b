"""Loading Cosmic: stamps whose sky is made brighter or darker, as a longer exposure would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, Literal

import torch
from msgspec import Struct
from torch import Tensor

from kit.data import loading
from kit.data.loading import Batch
from kit.seeding import generator

LOWEST, HIGHEST = -0.9, 3.0


class Parameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``data.load`` can say.

    Attributes:
        sky: when it is altered; the released code does so with the stamps that it validates and
            tests on, too. Here those are altered by a fixed draw per stamp.
    """

    sky: Literal["training", "always", "never"] = "training"


class Loader(loading.Loader):
    """Adds sky * U(-0.9, 3) to a stamp: deepCR's augmentation."""

    Parameters = Parameters
    plain: ClassVar[Mapping[str, Any]] = {"sky": "never"}
    draws: ClassVar[bool] = True

    def gather(self, addresses: Tensor, training: bool) -> Batch:
        """Return stamps, with altered skies where the config says so."""
        batch = super().gather(addresses, training)
        when = self.parameters.sky
        if when == "never" or (when == "training" and not training):
            return batch
        rows = addresses[:, 0]
        if training:
            drawn = torch.empty(len(rows), device=rows.device).uniform_(LOWEST, HIGHEST)
        else:
            drawn = self._fixed.to(rows.device)[rows]
        return replace(batch, x=batch.x + (self.take("sky")(rows) * drawn)[:, None, None, None])

    @cached_property
    def _fixed(self) -> Tensor:
        count = len(self.prepared.array("sky"))
        drawn = generator(0, "cosmic", "sky").uniform(LOWEST, HIGHEST, count)
        return torch.from_numpy(drawn.astype("float32"))
