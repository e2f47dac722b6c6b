"""WRN: train the backbone, score it."""

from __future__ import annotations

from torch import nn

from kit.base import networks
from kit.base.context import Context
from kit.data.folds import Fold
from kit.methods.wrn.info import WrnSettings
from kit.training.checkpointer import Checkpointer


class Stages(networks.OneNetwork[WrnSettings]):
    """The one stage of WRN."""

    def run_stage(self, stage: str, context: Context) -> None:
        """Train on train and val together, to the last epoch."""
        network = self.network(context)
        checkpointer = context.checkpointer(stage, self.settings.epochs)
        self.fit(context, checkpointer, network, context.fold("final_fit"))
        networks.save(context, network)
        context.finish(checkpointer)

    def fit(
        self,
        context: Context,
        checkpointer: Checkpointer,
        network: nn.Module,
        fold: Fold,
        until: int | None = None,
    ) -> None:
        """Train a network on a fold as the settings have it, for all epochs or until one."""
        settings = self.settings
        networks.fit(
            context,
            checkpointer,
            network,
            fold,
            optimiser=settings.optimiser,
            schedule=settings.schedule,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            loss_name=settings.loss,
            limit=int(settings.batch_fraction * fold.batch_count(settings.batch_size)) + 1,
            until=until,
        )

    def network(self, context: Context) -> nn.Module:
        """Return the network, with its first weights."""
        return networks.build(
            context,
            self.settings.backbone,
            variant=self.settings.variant,
            width=self.settings.width,
            dropout=self.settings.dropout,
            options=self.settings.backbone_options,
        )
