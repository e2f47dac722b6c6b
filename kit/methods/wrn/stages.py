"""WRN: train the backbone, score it."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from kit.data.folds import Fold
from kit.data.loading import Batch
from kit.methods import networks
from kit.methods.context import Context, Outcome
from kit.methods.wrn.info import WrnSettings
from kit.metrics import Prediction
from kit.training.stage import Stage


class Stages:
    """The one stage of WRN."""

    def __init__(self, settings: WrnSettings) -> None:
        self.settings = settings

    def run_stage(self, stage: str, context: Context) -> None:
        """Train on train and val together, to the last epoch."""
        network = self.network(context)
        progress = context.stage(stage, self.settings.epochs)
        self.fit(context, progress, network, context.fold("final_fit"))
        networks.save(context, network)
        context.finish(progress)

    def fit(
        self,
        context: Context,
        progress: Stage,
        network: nn.Module,
        fold: Fold,
        until: int | None = None,
    ) -> None:
        """Train a network on a fold as the settings have it, for all epochs or until one."""
        settings = self.settings
        networks.fit(
            context,
            progress,
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

    def predictor(self, context: Context) -> Callable[[Batch], Prediction]:
        """Return the trained network as a function."""
        network = self.trained(context)
        return networks.predictor(context, network, context.fold("test"), self.settings.loss)

    def trained(self, context: Context) -> nn.Module:
        """Return the network with its final weights."""
        return networks.load(context, self.network(context))

    def outcome(self, context: Context) -> Outcome:
        """Describe the network."""
        return networks.outcome(context, self.network(context))

    def network(self, context: Context) -> nn.Module:
        """Return the network, with its first weights."""
        return networks.build(
            context,
            self.settings.backbone,
            convention=self.settings.convention,
            width=self.settings.width,
            dropout=self.settings.dropout,
            options=self.settings.backbone_options,
        )
