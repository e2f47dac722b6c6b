"""Batches assembled by worker processes, for data that do not fit on the device.

The random numbers of a batch depend only on the epoch and the batch's number, so the number of
workers does not matter.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import fields

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from kit.data.loading import Batch, Loader
from kit.seeding import key

# Largest number of worker processes.
MOST = 4


class _Parts(Dataset[dict[str, Tensor]]):
    """One item per batch: its tensors by name, without those that are None."""

    def __init__(
        self, loader: Loader, parts: Sequence[Tensor], training: bool, stream: int
    ) -> None:
        self.loader, self.parts = loader, parts
        self.training, self.stream = training, stream

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        torch.manual_seed(key(self.stream, "batch", number))
        batch = self.loader.gather(self.parts[number], self.training)
        values = {each.name: getattr(batch, each.name) for each in fields(Batch)}
        return {name: value for name, value in values.items() if value is not None}


def gather(
    loader: Loader,
    parts: Sequence[Tensor],
    training: bool,
    device: torch.device,
    stream: int,
) -> Iterator[Batch]:
    """Yield a raw batch for each part, in order, while the next ones are being read.

    Args:
        loader: used by the worker processes, on the CPU.
        parts: addresses of the samples of each batch, on the CPU.
        training: whether the loader gives samples as in training.
        device: the batches are moved to it.
        stream: the key of the epoch that random numbers depend on.
    """
    batches = DataLoader(
        _Parts(loader, parts, training, stream),
        batch_size=None,
        num_workers=min(MOST, len(os.sched_getaffinity(0)), len(parts)),
        pin_memory=device.type == "cuda",
        multiprocessing_context="fork",  # workers share the memory of this process
        generator=torch.Generator(),  # else DataLoader draws from this process's generator
    )
    for batch in batches:
        yield Batch(**{name: each.to(device, non_blocking=True) for name, each in batch.items()})
