"""The linear model, and the fit of a small model to a whole fold."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kit.base.context import Context
from kit.data.folds import Fold
from kit.methods.linear.info import Features
from kit.training.checkpointer import Checkpointer, Stateful
from kit.training.loop import network_loss
from kit.training.losses import loss


class Linear(nn.Module):
    """A linear map of standardised features: softmax, logistic or least squares, by the loss.

    A sample's answer comes from all of its features. A position's answer (dense tasks) comes from
    the neighbourhood of that position, by one filter for all positions.

    Args:
        input_shape: (channels, *spatial).
        outputs: classes, labels, or channels.
        features: what is mapped.
        kernel_size: side of the neighbourhood; None for the whole sample.
    """

    shift: Tensor
    scale: Tensor

    def __init__(
        self,
        input_shape: tuple[int, ...],
        outputs: int,
        features: Features,
        kernel_size: int | None,
    ) -> None:
        super().__init__()
        self.dims, self.features = len(input_shape) - 1, features
        shape = self._features(torch.zeros(1, *input_shape)).shape[1:]
        if kernel_size is None:
            self.map: nn.Module = nn.Linear(shape.numel(), outputs)
        else:
            shape = torch.Size([shape[0], *[1] * self.dims])
            convolution = nn.Conv1d if self.dims == 1 else nn.Conv2d
            self.map = convolution(shape[0], outputs, kernel_size, padding="same")
        self.register_buffer("shift", torch.zeros(shape))
        self.register_buffer("scale", torch.ones(shape))
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, outputs), or (batch, outputs, *spatial) of a dense task."""
        features = (self._features(x) - self.shift) / self.scale
        flat = isinstance(self.map, nn.Linear)
        answer: Tensor = self.map(features.flatten(1) if flat else features)
        return answer

    def standardise(self, fold: Fold, batch_size: int) -> None:
        """Set mean and deviation of each feature; those of a dense task are one per channel."""
        shared = [0, *(axis + 1 for axis, size in enumerate(self.shift.shape) if size == 1)]
        sums = torch.zeros(2, *self.shift.shape, dtype=torch.float64, device=self.shift.device)
        count = 0
        for batch in fold.batches(batch_size):
            values = self._features(batch.x).double()
            sums[0] += values.sum(shared, keepdim=True)[0]
            sums[1] += values.square().sum(shared, keepdim=True)[0]
            count += values.numel() // self.shift.numel()
        mean, square = sums / count
        deviation = (square - mean.square()).clamp(min=0).sqrt()
        self.shift.copy_(mean)
        # A feature that never changes says nothing; it becomes zero.
        self.scale.copy_(torch.where(deviation > 1e-6, deviation, 1.0))

    def _features(self, x: Tensor) -> Tensor:
        if self.features == "values":
            return x
        return torch.fft.rfftn(x, dim=tuple(range(-self.dims, 0))).abs().log1p()


def minimise(
    context: Context,
    checkpointer: Checkpointer,
    model: nn.Module,
    fold: Fold,
    *,
    loss_name: str | None,
    epochs: int,
    iterations: int,
    batch_size: int,
    penalty: float = 0.0,
) -> None:
    """Fit a model to all of a fold by L-BFGS, in place.

    Every pass sees the same draws of crops, noise and the like, so that what is minimised stays
    one function.

    Args:
        context: of the run.
        checkpointer: or trial; keeps the checkpoint.
        model: its matrices (not its biases) are penalised.
        fold: what to fit.
        loss_name: None for the task's own loss.
        epochs: after each of them the fit is saved.
        iterations: of L-BFGS in each epoch.
        batch_size: of a pass.
        penalty: on half the squared norm of the matrices.
    """
    value_of = network_loss(model, fold, loss(loss_name or context.task.loss)[0])
    matrices = [each for each in model.parameters() if each.ndim > 1]
    optimiser = torch.optim.LBFGS(
        model.parameters(), max_iter=iterations, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimiser.zero_grad(set_to_none=True)
        checkpointer.begin_epoch(0)
        total = torch.zeros((), device=context.device)
        for batch in fold.batches(batch_size):
            part = value_of(batch) * (len(batch.y) / len(fold))
            part.backward()
            total += part.detach()
        for matrix in matrices:
            part = 0.5 * penalty * matrix.square().sum()
            part.backward()
            total += part.detach()
        return total

    state: dict[str, Stateful] = {"network": model, "optimiser": optimiser}
    for epoch in range(checkpointer.resume(state), epochs):
        value = optimiser.step(closure)
        checkpointer.end_epoch(epoch, epochs, state, loss=float(value))
