"""Fitting a small model to a whole fold by L-BFGS."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kit.base.context import Context
from kit.data.folds import Fold
from kit.training.checkpointer import Checkpointer, Stateful
from kit.training.loop import network_loss, run_epochs
from kit.training.losses import loss, weight
from kit.training.optimisers import eager


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

    Every pass draws the same random crops, noise and so on, so that the function that is minimised
    stays the same.

    Args:
        context: gives the task, the device and the seed.
        checkpointer: of a stage or a trial; the fit goes on from its last checkpoint.
        model: its matrices (not its biases) are penalised.
        fold: passed over whole for every evaluation of the loss.
        loss_name: None for the task's own loss.
        epochs: total number; after each, a checkpoint may be written.
        iterations: of L-BFGS in each epoch.
        batch_size: samples at one time, which bounds memory.
        penalty: weight of half the squared norm of the matrices in the loss.

    Raises:
        DivergedError: the loss or a weight is not finite.
    """
    function = loss(loss_name or context.task.loss)[0]
    value_of = network_loss(model, fold, function)
    matrices = [each for each in model.parameters() if each.ndim > 1]
    optimiser = eager(torch.optim.LBFGS)(
        model.parameters(), max_iter=iterations, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimiser.zero_grad(set_to_none=True)
        checkpointer.begin_epoch(0)
        total = torch.zeros((), device=context.device)
        for batch in fold.batches(batch_size):
            part = value_of(batch) * (weight(function, len(batch.y)) / len(fold))
            part.backward()
            total += part.detach()
        for matrix in matrices:
            part = 0.5 * penalty * matrix.square().sum()
            part.backward()
            total += part.detach()
        return total

    def one_epoch(epoch: int) -> dict[str, Tensor]:
        return {"loss": torch.as_tensor(optimiser.step(closure))}

    state: dict[str, Stateful] = {"network": model, "optimiser": optimiser}
    run_epochs(checkpointer, model, state, one_epoch, epochs=epochs)
