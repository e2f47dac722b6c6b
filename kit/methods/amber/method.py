"""AMBER: search, evaluate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from kit.base import networks
from kit.base.context import Context
from kit.base.fit import fit
from kit.base.method import Method, NetworkContext, Outcome
from kit.data.loading import Batch
from kit.errors import KitError
from kit.methods.amber.info import KIND, AmberSettings
from kit.methods.amber.search import Search, build_child
from kit.metrics import Prediction
from kit.runs.records import ArchitectureRecord
from kit.seeding import key
from kit.settings import TrainingSettings
from kit.spaces.amber import LayeredNetwork, final_network, from_tokens
from kit.spaces.amber.operations import SameConv1d
from kit.training.loop import Hooks, make_optimiser


class Amber(Method[AmberSettings]):
    """Two stages, ``search`` and ``evaluate``."""

    def run_stage(self, stage: str, context: Context) -> None:
        """Run one stage."""
        if stage == "search":
            self._search(context)
        elif stage == "evaluate":
            self._evaluate(context)
        else:
            raise ValueError(f"there is no stage {stage!r}")

    def predictor(self, context: Context) -> Callable[[Batch], Prediction]:
        """Return the trained network as a function."""
        network = self.trained(context)
        return networks.predictor(context, network, context.fold("test"), self.settings.loss)

    def network(self, context: NetworkContext) -> nn.Module | None:
        """Return the network of a given architecture, with its first weights; else None."""
        given = self.settings.architecture
        return None if given is None else self._final(context, given)

    def supernet(self, context: NetworkContext) -> nn.Module:
        """Return the network of the weights that children share; as a child, the largest one."""
        return build_child(context, self.settings)

    def trained(self, context: Context) -> nn.Module:
        """Return the network of the found architecture with its final weights."""
        return networks.load(context, self._final(context, self._found(context)))

    def outcome(self, context: Context) -> Outcome:
        """Describe the trained network."""
        found = self._found(context)
        architecture = ArchitectureRecord(kind=KIND.name, version=KIND.version, value=found)
        return networks.outcome(context, self._final(context, found), architecture)

    def _search(self, context: Context) -> None:
        given = self.settings.architecture
        if given is not None:
            self._final(context, given)  # which must be built
            context.finish(context.checkpointer("search", 0), architecture=given)
            return
        search = Search(context, self.settings)
        checkpointer = context.checkpointer("search", len(search.plan))
        search.run(checkpointer)
        best = search.children.best()
        context.finish(
            checkpointer,
            architecture=from_tokens(search.children.tokens[best]),
            child=best,
            reward=search.children.rewards[best],
            children=len(search.children.rewards),
        )

    def _evaluate(self, context: Context) -> None:
        options = self.settings.evaluate
        network = self._final(context, self._found(context))
        checkpointer = context.checkpointer("evaluate", options.epochs)
        training = TrainingSettings(
            data=self.settings.data,
            epochs=options.epochs,
            batch_size=options.batch_size,
            optimiser=options.optimiser,
            schedule=options.schedule,
            loss=self.settings.loss,
        )
        convolutions = regularised(network)
        bounded = {id(weight) for weight in convolutions}
        others = [each for each in network.parameters() if id(each) not in bounded]
        # The gradient of l2 times the sum of squares.
        decay = options.optimiser.weight_decay + 2 * options.l2
        groups: list[dict[str, Any]] = [
            {"params": convolutions, "weight_decay": decay},
            {"params": others},
        ]
        fit(
            context,
            checkpointer,
            network,
            context.fold("final_fit"),
            training,
            speed=self.settings.speed,
            optimiser=make_optimiser(groups, options.optimiser),
            hooks=Hooks(after_step=lambda: bound(convolutions, options.largest_norm)),
        )
        networks.save(context, network)
        context.finish(checkpointer)

    def _final(self, context: NetworkContext, architecture: Any) -> LayeredNetwork:
        options = self.settings.evaluate
        torch.manual_seed(key(context.spec.seed, "network"))
        try:
            network = final_network(
                context.input_shape,
                context.task.outputs,
                architecture,
                width=options.width,
                hidden=options.hidden,
                dropout=options.dropout,
            )
        except ValueError as error:
            raise KitError(str(error)) from None
        return network.to(context.device)

    def _found(self, context: Context) -> Any:
        return context.output("search")["architecture"]


def regularised(network: LayeredNetwork) -> list[nn.Parameter]:
    """Return the weights of the stem and of the convolutions that are operations of a layer.

    They alone have a penalty and a largest norm; those before pools and in reductions do not.
    """
    searched = [each for part in (network.stem, network.candidates) for each in part.modules()]
    return [
        each.get_parameter("weight")
        for each in searched
        if isinstance(each, SameConv1d) and each.kernel_size[0] > 1
    ]


@torch.no_grad()
def bound(weights: list[nn.Parameter], largest: float) -> None:
    """Scale down each row of taps, between an input and an output channel, to a largest norm.

    Keras takes norms over the first axis of (taps, inputs, outputs), which are the taps.
    """
    for weight in weights:
        norms = weight.norm(dim=2, keepdim=True)
        weight.mul_(norms.clamp(max=largest) / (norms + 1e-7))
