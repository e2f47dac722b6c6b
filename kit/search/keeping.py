"""What searches from Python share: checks of data and options, mean losses, checkpoints."""

from __future__ import annotations

import io
import math
import operator
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from kit import divergence
from kit.errors import plain
from kit.files import DAMAGE, check_plain, write_bytes
from kit.search import arguments

Batches = Iterable[tuple[Tensor, Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]
# Float32 holds no more; torch's optimisers refuse it in words of their own.
LARGEST_RATE = 3.4e38


class Kept(Protocol):
    """What a checkpoint stores the state of: a network or an optimiser."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any:
        """Restore a state that ``state_dict`` returned."""


def first(data: Batches) -> tuple[Tensor, Tensor]:
    """Return the first batch.

    Raises:
        ValueError: the data are not iterable, are empty or can be iterated over only once; or the
            batch is not a pair (x, y) of tensors.
    """
    try:
        batches = iter(data)
    except TypeError:
        raise ValueError(
            "the data must be batches (x, y) of tensors, in a list or a DataLoader, not "
            f"{type(data).__name__}"
        ) from None
    if batches is data or _is_one_pass(data, batches):
        raise ValueError(
            "the data can be gone through only once; give batches (x, y) in a list or a DataLoader"
        )
    batch = next(batches, None)
    if batch is None:
        raise ValueError("the data are empty: they must be batches (x, y) of tensors")
    return _pair(batch)


def _is_one_pass(data: Batches, batches: Iterator[tuple[Tensor, Tensor]]) -> bool:
    """Return whether data return the same iterator each time, which is exhausted after one pass.

    A DataLoader with persistent workers stores its iterator, but restarts it. Of other data a
    second iterator is requested only if they store the first, since that may draw random numbers.

    Args:
        data: any iterable.
        batches: its first iterator.
    """
    stored = any(each is batches for each in getattr(data, "__dict__", {}).values())
    return stored and not isinstance(data, DataLoader) and iter(data) is batches


def _pair(batch: object) -> tuple[Tensor, Tensor]:
    """Return a batch that is a pair (x, y) of tensors; raise ValueError for any other."""
    match batch:
        case (Tensor() as x, Tensor() as y) if not isinstance(batch, Tensor):
            return x, y
    raise ValueError("the data must be batches (x, y) of tensors")


def descend(value: object) -> Tensor:
    """Run the backward pass of a loss; return the loss without its graph.

    Raises:
        ValueError: it is not a tensor of one real number that requires a gradient.
    """
    if not isinstance(value, Tensor) or value.numel() != 1 or value.is_complex():
        what = value
        if isinstance(value, Tensor):
            what = f"a tensor of shape {tuple(value.shape)} and {value.dtype}"
        raise ValueError(f"the loss must return one number as a tensor, not {plain(str(what))}")
    if not value.requires_grad:
        raise ValueError("the loss has no gradient: is it detached, or the search in no_grad()?")
    value.backward()
    return value.detach()


def check_rates(**rates: float) -> None:
    """Check learning rates and other factors, given by their names.

    Raises:
        ValueError: one is not a finite number of at least 0.
    """
    for name, rate in rates.items():
        if not 0 <= arguments.number(rate) < math.inf:
            raise ValueError(f"{name} is a number from 0 on, not {plain(repr(rate))}")


def check_learning_rates(**rates: float) -> None:
    """Check learning rates, given by their names.

    Raises:
        ValueError: one is no number of at least 0 that float32 can hold, as torch's optimisers ask.
    """
    check_rates(**rates)
    for name, rate in rates.items():
        if arguments.number(rate) > LARGEST_RATE:
            raise ValueError(f"{name} is at most {LARGEST_RATE:g}, not {plain(repr(rate))}")


def file_of(checkpoint: object) -> Path | None:
    """Return the file of a checkpoint that may be asked for.

    Raises:
        ValueError: it is no path.
    """
    if checkpoint is not None and not isinstance(checkpoint, str | PathLike):
        raise ValueError(f"checkpoint is a path, not {plain(repr(checkpoint))}")
    return None if checkpoint is None else Path(checkpoint)


def check_epochs(epochs: int) -> None:
    """Check the number of epochs of a search.

    Raises:
        ValueError: it is not an integer of at least 1.
    """
    try:
        operator.index(epochs)
    except TypeError:
        raise ValueError(f"epochs are a whole number, not {plain(repr(epochs))}") from None
    if epochs < 1:
        raise ValueError(f"a search takes at least one epoch, not {epochs}")


def checked(data: Batches, name: str = "the data") -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches, each after a check that all its numbers are finite.

    Args:
        data: batches (x, y).
        name: what messages call the data.

    Raises:
        ValueError: a batch is not a pair of tensors, or holds NaN or infinity; the message says
            how many of these, and in which batch.
    """
    for number, batch in enumerate(data):
        x, y = _pair(batch)
        for what, values in (("x", x), ("y", y)):
            floating = values.is_floating_point() or values.is_complex()
            if floating and not bool(values.isfinite().all()):
                count = int((~values.isfinite()).sum())
                raise ValueError(
                    f"{name} hold numbers that are none: {count} in {what} of batch {number}"
                )
        yield x, y


def mean_loss(network: nn.Module, losses: Sequence[Tensor], epoch: int) -> float:
    """Return the mean of an epoch's losses.

    Args:
        network: the network that was trained.
        losses: one scalar per batch.
        epoch: number of the epoch, from 0.

    Raises:
        DivergedError: the mean or a weight of the network is not finite.
        ValueError: there are no losses.
    """
    if not losses:
        raise ValueError("the data are empty, or can be gone through only once")
    mean = {"loss": torch.stack(list(losses)).mean()}
    values, finite = divergence.read(mean, network.parameters())
    divergence.check(f"epoch {epoch + 1}", values["loss"], finite, network.named_parameters())
    return values["loss"]


def name_of(loss: object) -> str:
    """Return the name of a loss function, by which a checkpoint recognises it."""
    return str(getattr(loss, "__qualname__", type(loss).__qualname__))


def shapes(batch: tuple[Tensor, Tensor]) -> list[list[int]]:
    """Return the shapes of a batch's x and y, by which a checkpoint recognises the data."""
    return [list(each.shape) for each in batch]


def resume(
    file: Path | None, parts: Mapping[str, Kept], call: Mapping[str, Any], epochs: int
) -> list[float]:
    """Restore the parts of a search from a checkpoint, if there is one.

    Args:
        file: the checkpoint that ``save`` wrote; None or a missing file to start afresh.
        parts: networks and optimisers, by name.
        call: the arguments of the search other than ``epochs``; they must be those of the file.
        epochs: total number of epochs of the search.

    Returns:
        The mean losses of the epochs done; none without a checkpoint.

    Raises:
        ValueError: the file is damaged, of another search or of more epochs.
    """
    if file is None or not file.exists():
        return []
    check_plain(file, ValueError)
    try:
        # Read into memory first: of a truncated file, torch's file reader reports an invalid
        # argument.
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
    """Write a checkpoint for ``resume``, with the same arguments; do nothing if ``file`` is None.

    Args:
        file: the checkpoint.
        parts: networks and optimisers, by name.
        losses: mean losses of the epochs done.
        call: the arguments of the search other than ``epochs``.
    """
    if file is None:
        return
    buffer = io.BytesIO()
    state = {name: part.state_dict() for name, part in parts.items()}
    torch.save({**state, "losses": list(losses), "call": repr(dict(call))}, buffer)
    write_bytes(file, buffer.getvalue())
