"""What searches from Python share: checked batches, mean losses, going on afterwards."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from kit import divergence
from kit.files import write_bytes

Batches = Iterable[tuple[Tensor, Tensor]]

# What torch raises for a checkpoint that is damaged, or of another shape.
DAMAGE = (AttributeError, EOFError, LookupError, RuntimeError, TypeError, ValueError)


class Kept(Protocol):
    """A network or an optimiser."""

    def state_dict(self) -> dict[str, Any]:
        """Return what it goes on from."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any:
        """Go on from that."""


def first(data: Batches) -> tuple[Tensor, Tensor]:
    """Return the first batch.

    Raises:
        ValueError: there is none, or it is no pair (x, y) of tensors.
    """
    pair = next(iter(data), None)
    if not isinstance(pair, tuple | list) or len(pair) != 2 or not isinstance(pair[0], Tensor):
        raise ValueError("the data must be batches (x, y) of tensors")
    return pair[0], pair[1]


def check_epochs(epochs: int) -> None:
    """Check how long a search is to go on.

    Raises:
        ValueError: it would find what it began with.
    """
    if epochs < 1:
        raise ValueError(f"a search takes at least one epoch, not {epochs}")


def checked(data: Batches, name: str = "the data") -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches whose numbers all are finite.

    Args:
        data: batches (x, y); whole numbers are always finite.
        name: of the data, for messages.

    Raises:
        ValueError: one is not; the line says how many, and in which batch.
    """
    for number, (x, y) in enumerate(data):
        for what, values in (("x", x), ("y", y)):
            numbers = isinstance(values, Tensor) and (
                values.is_floating_point() or values.is_complex()
            )
            if numbers and not bool(values.isfinite().all()):
                count = int((~values.isfinite()).sum())
                raise ValueError(
                    f"{name} hold numbers that are none: {count} in {what} of batch {number}"
                )
        yield x, y


def mean_loss(network: nn.Module, losses: Sequence[Tensor], epoch: int) -> float:
    """Return the mean of an epoch's losses.

    Raises:
        DivergedError: it or a weight is not finite.
        ValueError: there are none.
    """
    if not losses:
        raise ValueError("the data are empty, or can be gone through only once")
    mean = {"loss": torch.stack(list(losses)).mean()}
    found, finite = divergence.read(mean, network.parameters())
    divergence.check(f"epoch {epoch + 1}", found["loss"], finite, network.named_parameters())
    return found["loss"]


def resume(file: Path | None, parts: Mapping[str, Kept]) -> list[float]:
    """Return the losses of the epochs done, with the parts as they were after these.

    Raises:
        ValueError: the file is of another search.
    """
    if file is None or not file.exists():
        return []
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(state[name])
        return list(state["losses"])
    except (*DAMAGE, pickle.UnpicklingError):
        raise ValueError(f"{file} is of another search; remove it to start afresh") from None


def save(file: Path | None, parts: Mapping[str, Kept], losses: Sequence[float]) -> None:
    """Write what ``resume`` reads; nothing without a file."""
    if file is None:
        return
    buffer = io.BytesIO()
    state = {name: part.state_dict() for name, part in parts.items()}
    torch.save({**state, "losses": list(losses)}, buffer)
    write_bytes(file, buffer.getvalue())
