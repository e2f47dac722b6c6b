"""Batch norms that meet a single value per channel, as in a last batch of one small sample.

It has no variance, and torch refuses it: whether a training ended in an error would depend on the
remainder of the samples by the batch size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode


def single_sample(x: Tensor) -> AbstractContextManager[object]:
    """Return the context in which a network is to be trained on a batch.

    In it, where the batch is a single sample, batch norms with a single value per channel use their
    running statistics, and leave them as they are.
    """
    return RunningStatistics() if len(x) == 1 else nullcontext()


class RunningStatistics(TorchFunctionMode):
    """Has batch norms use running statistics for a single value per channel, if they have any."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch."""
        del types
        options = dict(kwargs or {})
        if func is F.batch_norm and options.get("training"):
            x, mean = args[:2]
            if mean is not None and x.numel() == x.shape[1]:
                options["training"] = False
        return func(*args, **options)
