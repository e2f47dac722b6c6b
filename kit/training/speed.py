"""Faster training: lower precision, another memory layout, compilation, CUDA graphs.

What each does to the numbers is measured in ``tests/training/test_speed.py``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from kit.errors import KitError
from kit.ops import AggConv1d, AggConv2d
from kit.settings import Speed
from kit.training import distributed


def accelerate(
    network: nn.Module, speed: Speed, axes: int, *, averaged: bool = True
) -> Callable[[Tensor], Any]:
    """Return a network's training pass, made faster: float32 in, float32 out.

    Args:
        network: its weights stay float32, and their layout changes if asked for; in precision
            float64 weights and output become float64.
        speed: precision, layout, compilation and graphs, as the settings ask for them.
        axes: spatial axes of its input.
        averaged: whether the backward pass averages gradients over all processes.

    Returns:
        A function that returns what the network does: a tensor or several.

    Raises:
        KitError: an option cannot be used on this device, on this machine or with these axes.
    """
    _check(speed, next(network.parameters()).device, axes)
    dtype = torch.float64 if speed.precision == "float64" else torch.float32
    if dtype is torch.float64:
        network.double()
    if speed.channels_last:
        # Cast, since the type stub of ``to`` lacks layouts.
        cast(Any, network).to(memory_format=torch.channels_last)
    run: Callable[[Tensor], Any] = distributed.parallel(network, averaged=averaged)
    # The compiler has no code for complex spectra: supernets would take minutes to be slower.
    if speed.compile and not any(
        isinstance(each, AggConv1d | AggConv2d) for each in network.modules()
    ):
        # With this option, dropout draws the same numbers as uncompiled.
        run = torch.compile(run, options={"fallback_random": True})
    if speed.cuda_graphs:
        run = Graphed(network, run)
    half = speed.precision == "bf16"
    layout = torch.channels_last if speed.channels_last else torch.preserve_format

    def forward(x: Tensor) -> Any:
        allow_tf32(speed.precision == "tf32")
        # A recorded graph must not use tensors of autocast's cache, which may be gone later.
        cached = not speed.cuda_graphs
        with torch.autocast(x.device.type, torch.bfloat16, enabled=half, cache_enabled=cached):
            y = run(x.to(dtype, memory_format=layout))
        if not half:
            return y
        return y.float() if isinstance(y, Tensor) else tuple(each.float() for each in y)

    return forward


def allow_tf32(allowed: bool) -> None:
    """Set whether products of float32 may use TF32; torch's default depends on the operation.

    This sets the older of torch's two kinds of flags, which sets the newer ones, too: torch's
    exporter refuses a mixture of both.
    """
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed


class Graphed:
    """A network's forward and backward pass, recorded as a CUDA graph at the first batch.

    Batches of another shape, such as the last one of an epoch, are computed without the graph.

    Args:
        network: its weights and buffers are read and written in place by the graph.
        run: the pass to record: takes (batch, ...), returns the network's output.
    """

    def __init__(self, network: nn.Module, run: Callable[[Tensor], Tensor]) -> None:
        self._network, self._run = network, run
        self._replay: Callable[[Tensor], Tensor] | None = None
        self._shape = torch.Size()

    def __call__(self, x: Tensor) -> Tensor:
        """Return the network's output."""
        if self._replay is None:
            self._replay, self._shape = self._record(x), x.shape
        return self._replay(x) if x.shape == self._shape else self._run(x)

    def _record(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        # Recording takes some passes first: they must leave no trace in batch statistics or in the
        # random numbers, or a resumed run would not be the undisturbed one.
        before = [buffer.clone() for buffer in self._network.buffers()]
        with torch.random.fork_rng([x.device]):
            replay = torch.cuda.make_graphed_callables(
                _Recorded(self._network, self._run), (x.clone(),)
            )
        for buffer, value in zip(self._network.buffers(), before, strict=True):
            buffer.copy_(value)
        return cast(Callable[[Tensor], Tensor], replay)


class _Recorded(nn.Module):
    """A module to record in place of the network, whose own forward pass must stay as it is."""

    def __init__(self, network: nn.Module, run: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network, self.run = network, run

    def forward(self, x: Tensor) -> Tensor:
        return self.run(x)


def _check(speed: Speed, device: torch.device, axes: int) -> None:
    """Raise KitError for options that cannot be used here."""
    if device.type != "cuda":
        for name, asked in (
            ("precision=tf32", speed.precision == "tf32"),
            ("cuda_graphs=true", speed.cuda_graphs),
        ):
            if asked:
                raise KitError(f"speed.{name} needs a CUDA GPU, and this run is on the CPU")
    if speed.channels_last and axes != 2:
        raise KitError(f"speed.channels_last is for 2D tasks, and this one is {axes}D")
    if speed.cuda_graphs and distributed.world() > 1:
        raise KitError("speed.cuda_graphs is for one process; start the run without torchrun")
    if speed.compile and not compiler():
        raise KitError("speed.compile needs a C++ compiler: install g++, or name one in CXX")


def compiler() -> str | None:
    """Return the path of the C++ compiler that torch would use, or None if there is none."""
    return shutil.which(os.environ.get("CXX", "g++"))
