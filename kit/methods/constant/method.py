"""constant: fits one answer for all samples."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kit.base import networks
from kit.base.context import Context
from kit.base.method import NetworkContext
from kit.base.minimise import minimise
from kit.methods.constant.info import ConstantSettings


class Constant(nn.Module):
    """The same answer for every input; by cross entropy, the logarithms of the class priors.

    Where targets are normalised per position, it is in standard deviations from each position's
    mean.
    """

    def __init__(self, outputs: int, *, dense: bool) -> None:
        super().__init__()
        self.answer, self.dense = nn.Parameter(torch.zeros(outputs)), dense

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, outputs), or (batch, outputs, *spatial) of a dense task."""
        spatial = x.shape[2:] if self.dense else ()
        one = self.answer.reshape(-1, *[1] * len(spatial))
        return one.expand(x.shape[0], -1, *spatial)


class ConstantMethod(networks.OneNetwork[ConstantSettings]):
    """One stage, ``fit``. Nothing is random."""

    def run_stage(self, stage: str, context: Context) -> None:
        """Fit the answer to the task's loss."""
        settings, model = self.settings, self.network(context)
        checkpointer = context.checkpointer(stage, settings.epochs)
        minimise(
            context,
            checkpointer,
            model,
            context.fold("final_fit"),
            loss_name=settings.loss,
            epochs=settings.epochs,
            iterations=settings.iterations,
            batch_size=settings.batch_size,
        )
        networks.save(context, model)
        context.finish(checkpointer)

    def network(self, context: NetworkContext) -> nn.Module:
        """Return the model before it is fitted."""
        model = Constant(context.task.outputs, dense=context.task.dense)
        return model.to(context.device)
