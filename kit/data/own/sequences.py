"""Tables whose rows are the steps of samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kit.data.own.missing import absent
from kit.data.own.reading import Array, Stated, one_length
from kit.errors import DataError

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Steps:
    """The rows of each sample, in order.

    Attributes:
        place: the file, for messages.
        rows: (steps,) indices of the rows, sample by sample.
        bounds: (samples + 1,) positions in ``rows`` at which samples begin.
        length: steps of each sample as it is read: longer ones are cut, shorter ones end in zeros.
        smells: warnings for the user.
    """

    place: str
    rows: Rows
    bounds: Rows
    length: int
    smells: tuple[str, ...]

    @classmethod
    def of(
        cls, place: str, key: Array, order: Array | None, size: Sequence[int], making: bool
    ) -> Steps:
        """Group rows into samples, which are in the order of their first rows.

        Args:
            place: the file, for messages.
            key: (rows,) the same value for all rows of a sample.
            order: (rows,) values that order the rows of a sample; None for the order of the file.
            size: the stated length, or empty.
            making: whether a task is made, so that a length can be stated.

        Raises:
            DataError: samples differ in length and none is stated, or a size of images is stated.
        """
        one_length(place, size)
        _, first, member = np.unique(key, return_index=True, return_inverse=True)
        sample = first.argsort().argsort()[member.reshape(-1)]
        rows = np.lexsort((np.arange(len(key)) if order is None else order, sample))
        counts = np.bincount(sample)
        smells = []
        if order is None and (np.diff(sample) < 0).any():
            smells.append("rows of one sample do not lie together; --order orders them by a column")
        if order is not None and order.dtype.kind == "U":
            ordered = np.unique(order)
            smells.append(
                f"--order is a column of words, which are ordered letter by letter, from "
                f"{ordered[0]!s:.40} to {ordered[-1]!s:.40}"
            )
        if not size and counts.min() != counts.max():
            advice = "say --size LENGTH, and longer ones are cut, shorter ones end in zeros"
            if not making:
                advice = "the task was made of samples of one length, without a size to cut them to"
            raise DataError(
                f"{place}: samples have {counts.min()} to {counts.max()} rows; {advice}"
            )
        length = size[0] if size else int(counts[0])
        if counts.min() != length or counts.max() != length:
            smells.append(
                f"{(counts > length).sum()} samples are cut and {(counts < length).sum()} end in "
                f"zeros, at {length} steps"
            )
        bounds = np.concatenate([[0], counts.cumsum()])
        return cls(place, rows.astype(np.int64), bounds, length, tuple(smells))

    def inputs(self, x: Array) -> Array:
        """Return inputs (rows, columns) as (samples, columns, length)."""
        return self._cut(x).swapaxes(1, 2)

    def answers(self, y: Array | None, names: Sequence[str], kind: Stated | None) -> Array | None:
        """Return one answer per sample, or per step for the kinds ``dense`` and ``segmentation``.

        Raises:
            DataError: an answer per sample changes within a sample; or answers are per step, and
                samples differ in length or are padded.
        """
        if y is None:
            return None
        if kind in ("dense", "segmentation"):
            counts = np.diff(self.bounds)
            if counts.min() < counts.max() or counts.min() < self.length:
                raise DataError(f"{self.place}: answers per step need samples of one length")
            stepwise = self._cut(y)
            return stepwise if y.ndim == 1 else stepwise.swapaxes(1, 2)
        first = y[self.rows[self.bounds[:-1]]]
        spread = np.repeat(first, np.diff(self.bounds), axis=0)
        same = (spread == y[self.rows]) | (absent(spread) & absent(y[self.rows]))
        if not same.all():
            at = int(self.rows[int(np.argwhere(~same)[0][0])])
            raise DataError(
                f"{self.place}: {', '.join(names)} changes within a sample, first at row {at + 1}; "
                "for an answer per step say --kind segmentation (words, classes) or dense (numbers)"
            )
        return first

    def shared(self, aside: Mapping[str, Array]) -> dict[str, Array]:
        """Return the further columns with one value per sample, that of its last step.

        Raises:
            DataError: the group, split or name changes within a sample.
        """
        last = self.rows[self.bounds[1:] - 1]
        for what in ("group", "split", "identity"):
            if what in aside:
                spread = np.repeat(aside[what][last], np.diff(self.bounds))
                if (spread != aside[what][self.rows]).any():
                    raise DataError(f"{self.place}: the {what} changes within a sample")
        shared = {what: values[last] for what, values in aside.items() if what != "order"}
        shared.setdefault("identity", shared["sequence"])
        return {what: values for what, values in shared.items() if what != "sequence"}

    def _cut(self, values: Array) -> Array:
        """Return values (rows, ...) as (samples, length, ...), cut or padded by zeros."""
        parts = []
        for start, stop in zip(self.bounds[:-1], self.bounds[1:], strict=True):
            part = values[self.rows[start:stop]][: self.length]
            if len(part) < self.length:
                end = np.zeros((self.length - len(part), *part.shape[1:]), part.dtype)
                part = np.concatenate([part, end])
            parts.append(part)
        return np.stack(parts)
