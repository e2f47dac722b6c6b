"""What searches from Python share: checked batches, mean losses, going on afterwards."""

from __future__ import annotations

import io
import math
import operator
import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from kit import divergence
from kit.files import DAMAGE, write_bytes
from kit.search import arguments

Batches = Iterable[tuple[Tensor, Tensor]]


class Kept(Protocol):
    """A network or an optimiser."""

    def state_dict(self) -> dict[str, Any]:
        """Return what it goes on from."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any:
        """Go on from that."""


def first(data: Batches) -> tuple[Tensor, Tensor]:
    """Return the first batch.

    Raises:
        ValueError: there is none, it is no pair (x, y) of tensors, or can be had only once; or the
            data are no batches.
    """
    try:
        batches = iter(data)
    except TypeError:
        raise ValueError(
            "the data must be batches (x, y) of tensors, in a list or a DataLoader, not "
            f"{type(data).__name__}"
        ) from None
    if batches is data or _kept(data, batches):
        raise ValueError(
            "the data can be gone through only once; give batches (x, y) in a list or a DataLoader"
        )
    batch = next(batches, None)
    if batch is None:
        raise ValueError("the data are empty: they must be batches (x, y) of tensors")
    return _pair(batch)


def _kept(data: Batches, batches: Iterator[tuple[Tensor, Tensor]]) -> bool:
    """Return whether data give what they hold each time, which ends once.

    A DataLoader with lasting workers begins it anew. Others are asked again only where they hold
    it, since that may draw random numbers.
    """
    held = any(each is batches for each in getattr(data, "__dict__", {}).values())
    return held and not isinstance(data, DataLoader) and iter(data) is batches


def _pair(batch: object) -> tuple[Tensor, Tensor]:
    match batch:
        case (Tensor() as x, Tensor() as y) if not isinstance(batch, Tensor):
            return x, y
    raise ValueError("the data must be batches (x, y) of tensors")


def descend(value: object) -> Tensor:
    """Compute the gradients of a loss; return it without them.

    Raises:
        ValueError: it is no single number of a computation that has gradients.
    """
    if not isinstance(value, Tensor) or value.numel() != 1 or value.is_complex():
        what = value
        if isinstance(value, Tensor):
            what = f"a tensor of shape {tuple(value.shape)} and {value.dtype}"
        raise ValueError(f"the loss must return one number as a tensor, not {what}")
    if not value.requires_grad:
        raise ValueError("the loss has no gradient: is it detached, or the search in no_grad()?")
    value.backward()
    return value.detach()


def check_rates(**rates: float) -> None:
    """Check learning rates and other factors.

    Raises:
        ValueError: one is no number from 0 on.
    """
    for name, rate in rates.items():
        if not 0 <= arguments.number(rate) < math.inf:
            raise ValueError(f"{name} is a number from 0 on, not {rate!r}")


def check_epochs(epochs: int) -> None:
    """Check how long a search is to go on.

    Raises:
        ValueError: it would find what it began with, or the number is no whole one.
    """
    try:
        operator.index(epochs)
    except TypeError:
        raise ValueError(f"epochs are a whole number, not {epochs!r}") from None
    if epochs < 1:
        raise ValueError(f"a search takes at least one epoch, not {epochs}")


def checked(data: Batches, name: str = "the data") -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches whose numbers all are finite.

    Args:
        data: batches (x, y); whole numbers are always finite.
        name: of the data, for messages.

    Raises:
        ValueError: one is not; the line says how many, and in which batch. Or one is no pair.
    """
    for number, batch in enumerate(data):
        x, y = _pair(batch)
        for what, values in (("x", x), ("y", y)):
            numbers = values.is_floating_point() or values.is_complex()
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


def name_of(loss: object) -> str:
    """Return by what a checkpoint tells a loss from others."""
    return str(getattr(loss, "__qualname__", type(loss).__qualname__))


def shapes(batch: tuple[Tensor, Tensor]) -> list[list[int]]:
    """Return by what a checkpoint tells data from others."""
    return [list(each.shape) for each in batch]


def resume(
    file: Path | None, parts: Mapping[str, Kept], call: Mapping[str, Any], epochs: int
) -> list[float]:
    """Return the losses of the epochs done, with the parts as they were after these.

    Args:
        file: what ``save`` wrote, if there is such.
        parts: of the search.
        call: what was asked of it, but for its length.
        epochs: how long it is to be.

    Raises:
        ValueError: the file is of another search, or of more epochs.
    """
    if file is None or not file.exists():
        return []
    try:
        # Through memory: for a cut file, torch's own reader says that an argument is invalid.
        content = io.BytesIO(file.read_bytes())
        state = torch.load(content, map_location="cpu", weights_only=True)
        if state["call"] != repr(dict(call)):
            raise ValueError("another call")
        for name, part in parts.items():
            part.load_state_dict(state[name])
        losses = list(state["losses"])
    except (*DAMAGE, pickle.UnpicklingError):
        raise ValueError(f"{file} is of another search; remove it to start afresh") from None
    if len(losses) > epochs:
        done = len(losses)
        raise ValueError(f"{file} is of {done} epochs, not {epochs}; remove it to start afresh")
    return losses


def save(
    file: Path | None, parts: Mapping[str, Kept], losses: Sequence[float], call: Mapping[str, Any]
) -> None:
    """Write what ``resume`` reads; nothing without a file."""
    if file is None:
        return
    buffer = io.BytesIO()
    state = {name: part.state_dict() for name, part in parts.items()}
    torch.save({**state, "losses": list(losses), "call": repr(dict(call))}, buffer)
    write_bytes(file, buffer.getvalue())
