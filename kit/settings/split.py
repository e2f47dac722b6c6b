"""Shares of prepared folds: how samples of one fold are divided among roles."""

from __future__ import annotations

import json

from msgspec import Struct

from kit.errors import KitError


class FoldShare(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A part of prepared folds; in a settings file a list such as ``["train", 0, 0.5]``.

    It is cut by evaluation units (records, clips, proteins), which are never torn: of n units those
    from floor(start n) up to, not including, floor(stop n).

    Attributes:
        folds: the prepared fold, or several, joined in this order.
        start: where the part begins, as a share of the units.
        stop: where it ends.
        order: the name of a random order to take the units in, the same for every seed and always;
            empty for the order in which they are prepared.
    """

    folds: str | tuple[str, ...]
    start: float
    stop: float
    order: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The prepared folds."""
        return (self.folds,) if isinstance(self.folds, str) else self.folds

    def cut(self, count: int) -> slice:
        """Return which of ``count`` units, or samples, are in the share."""
        # Shares such as 0.1 lie beside what they stand for; a millionth of a unit is not one.
        return slice(int(self.start * count + 1e-6), int(self.stop * count + 1e-6))

    def apart(self, other: FoldShare) -> bool:
        """Tell whether two shares can have no sample in common, whatever the folds hold."""
        if not set(self.names) & set(other.names):
            return True
        alike = (self.names, self.order) == (other.names, other.order)
        return alike and (self.stop <= other.start or other.stop <= self.start)

    def check(self, place: str) -> None:
        """Check the bounds.

        Args:
            place: the setting that it is the value of.

        Raises:
            KitError: they are no share.
        """
        if not self.names:
            raise KitError(f"{place} = {self}: name a prepared fold")
        if not 0 <= self.start < self.stop <= 1:
            raise KitError(f"{place} = {self}: a share goes up from a number to another, in 0..1")

    def __str__(self) -> str:
        order = [self.order] if self.order else []
        return json.dumps([self.folds, self.start, self.stop, *order])
