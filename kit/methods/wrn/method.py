"""WRN: trains the backbone."""

from __future__ import annotations

from torch import nn

from kit.base import networks
from kit.base.context import Context
from kit.base.fit import fit
from kit.base.method import NetworkContext
from kit.data.folds import Fold
from kit.methods.wrn.info import WrnSettings
from kit.training.checkpointer import Checkpointer


class Wrn(networks.OneNetwork[WrnSettings]):
    """One stage, ``train``."""

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
        """Train a network on a fold by the settings, for all epochs or up to ``until``."""
        settings = self.settings
        limit = int(settings.batch_fraction * fold.batch_count(settings.batch_size)) + 1
        fit(
            context,
            checkpointer,
            network,
            fold,
            settings,
            limit=limit,
            until=until,
            speed=settings.speed,
        )

    def network(self, context: NetworkContext) -> nn.Module:
        """Return the network, with its initial weights."""
        return networks.build(
            context,
            self.settings.backbone,
            variant=self.settings.variant,
            width=self.settings.width,
            dropout=self.settings.dropout,
            options=self.settings.backbone_options,
        )
