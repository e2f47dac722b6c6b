"""Loading Cosmic: stamps whose sky is made brighter or darker, as by another exposure time."""

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

# Range of the factor by which the sky level is multiplied before it is added.
LOWEST, HIGHEST = -0.9, 3.0


class Parameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of ``data.load``.

    Attributes:
        sky: when the sky is altered. With ``always``, as in the released code, stamps for
            validation and test are altered too, here by a fixed draw for each stamp.
    """

    sky: Literal["training", "always", "never"] = "training"


class Loader(loading.Loader):
    """Adds the sky level times a random number from U(-0.9, 3): deepCR's augmentation."""

    Parameters = Parameters
    plain: ClassVar[Mapping[str, Any]] = {"sky": "never"}
    draws: ClassVar[bool] = True

    def gather(self, addresses: Tensor, training: bool) -> Batch:
        """Return stamps, with altered skies if the parameters say so."""
        batch = super().gather(addresses, training)
        when = self.parameters.sky
        if when == "never" or (when == "training" and not training):
            return batch
        rows = addresses[:, 0]
        if training:
            drawn = torch.empty(len(rows), device=rows.device).uniform_(LOWEST, HIGHEST)
        else:
            self._fixed = self._fixed.to(rows.device)  # moved once, not for each batch
            drawn = self._fixed[rows]
        return replace(batch, x=batch.x + (self.take("sky")(rows) * drawn)[:, None, None, None])

    @cached_property
    def _fixed(self) -> Tensor:
        """The fixed factor of each stamp: (stamps,)."""
        count = len(self.prepared.array("sky"))
        drawn = generator(0, "cosmic", "sky").uniform(LOWEST, HIGHEST, count)
        return torch.from_numpy(drawn.astype("float32"))
