"""Settings of searches in one supernet."""

from __future__ import annotations

from msgspec import Struct

from kit.settings.common import Count, Positive


class OneShotSearch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What searches have in common that train a supernet and an architecture in it.

    Attributes:
        warm_start: epochs in which the weights alone learn.
    """

    epochs: Positive
    warm_start: Count = 0

    def __post_init__(self) -> None:
        """Refuse a search that never searches."""
        if self.warm_start >= self.epochs:
            raise ValueError(
                f"architectures learn after {self.warm_start} epochs, and there are "
                f"{self.epochs}; make warm_start smaller"
            )
