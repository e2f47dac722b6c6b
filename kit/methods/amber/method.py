"""AMBER: search, evaluate."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from kit.base import networks
from kit.base.context import Context
from kit.base.fit import fit
from kit.base.method import NetworkContext
from kit.base.searched import SearchedNetwork
from kit.errors import KitError
from kit.methods.amber.info import KIND, AmberSettings
from kit.methods.amber.search import Search, build_child
from kit.seeding import key
from kit.settings import TrainingSettings
from kit.spaces.amber import LayeredNetwork, final_network, from_tokens
from kit.spaces.amber.operations import SameConv1d
from kit.training.loop import Hooks, make_optimiser


class Amber(SearchedNetwork[AmberSettings]):
    """Two stages, ``search`` and ``evaluate``."""

    kind = KIND

    def run_stage(self, stage: str, context: Context) -> None:
        """Run one stage."""
        if stage == "search":
            self._search(context)
        elif stage == "evaluate":
            self._evaluate(context)
        else:
            raise ValueError(f"there is no stage {stage!r}")

    def supernet(self, context: NetworkContext) -> nn.Module:
        """Return the network of the weights that children share; as a child, the largest one."""
        return build_child(context, self.settings)

    def _search(self, context: Context) -> None:
        given = self.settings.architecture
        if given is not None:
            self.build(context, given)  # which must be built
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
        network = self.build(context, self.found(context))
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

    def build(self, context: NetworkContext, architecture: Any) -> LayeredNetwork:
        """Return the network of layers, with its first weights."""
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
