"""AMBER's search: children that share their weights, one after the other, in one resumable stage.

An episode trains the shared weights for some steps, each with a child of its own, scores some
children with the weights as they then are, and lets the controller learn from their rewards.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch
import torch.nn.functional as F
from msgspec.structs import replace
from torch import Tensor

from kit.base import networks
from kit.base.context import Context
from kit.base.method import NetworkContext
from kit.data.folds import Fold
from kit.data.loading import Batch
from kit.errors import KitError
from kit.methods.amber import policy
from kit.methods.amber.info import AmberSettings
from kit.methods.amber.plan import STEPS_AT_ONCE, Children, Plan
from kit.metrics.one_minus_auroc import auroc
from kit.seeding import key
from kit.spaces.amber import LayeredNetwork, child, from_tokens
from kit.training import distributed
from kit.training.checkpointer import Checkpointer, Stateful
from kit.training.loop import network_loss
from kit.training.losses import loss
from kit.training.one_shot import endless
from kit.training.optimisers import make_optimiser


def build_child(context: NetworkContext, settings: AmberSettings) -> LayeredNetwork:
    """Return the network of shared weights, which the run's seed decides.

    Raises:
        KitError: the sequences are too short.
    """
    options = settings.search
    torch.manual_seed(key(context.spec.seed, "network"))
    try:
        network = child(
            context.input_shape,
            context.task.outputs,
            layers=settings.layers,
            width=options.width,
            hidden=options.hidden,
            dropout=options.dropout,
        )
    except ValueError as error:
        raise KitError(str(error)) from None
    network.all_branches = options.branches == "all"
    return network.to(context.device)


class Search:
    """The networks, optimisers and data of a search, and its steps.

    Args:
        context: of the run.
        settings: of the method.

    Raises:
        KitError: the reward is not defined on the validation data.
    """

    def __init__(self, context: Context, settings: AmberSettings) -> None:
        self.context, self.settings, self.options = context, settings, settings.search
        self.fold, self.held_out = context.fold("search"), context.fold("search_val")
        self.batches_of_pass = max(1, len(self.fold) // self.options.batch_size)
        self.plan = Plan(
            self.options.warm_up * self.batches_of_pass,
            self.options.episodes,
            self.options.child_steps,
            self.options.children,
        )
        self.child = build_child(context, settings)
        self.adam = make_optimiser(
            [{"params": list(self.child.parameters())}], self.options.optimiser
        )
        loss_function = loss(settings.loss or context.task.loss)[0]
        speed = replace(settings.speed, compile=False, cuda_graphs=False)
        self.loss = network_loss(self.child, self.fold, loss_function, speed, averaged=False)
        self.validation_loss = loss_function
        torch.manual_seed(key(context.spec.seed, "controller"))
        # The controller is small and stays on the CPU, where it samples the same for every device.
        self.controller, self.controller_adam = policy.build(settings.controller, settings.layers)
        if settings.speed.precision == "float64":
            self.controller.double()
        self.children = Children()
        self._batches: Iterator[Batch] | None = None
        self._sampled: Tensor | None = None
        self._truth = _columns(self.held_out, context.task.outputs)
        self._defined = [
            k for k, each in enumerate(self._truth.unbind(1)) if 0 < each.sum() < len(each)
        ]
        if not self._defined:
            raise KitError(
                f"{context.task.name}: 'search_val' holds no class or label both with and without, "
                "so that there is no area under a ROC curve to reward; give it more samples"
            )

    def run(self, checkpointer: Checkpointer) -> None:
        """Search from the last checkpoint on."""
        state: dict[str, Stateful] = {
            "network": self.child,
            "optimiser": self.adam,
            "controller": self.controller,
            "controller-optimiser": self.controller_adam,
            "children": self.children,
        }
        for unit in range(checkpointer.resume(state), len(self.plan)):
            checkpointer.begin_epoch(unit)
            episode, first, scored = self.plan.at(unit)
            if first is not None:
                entries: dict[str, Any] = {"loss": self._train(episode, first)}
            else:
                assert scored is not None
                entries = self._score(episode, scored)
                if scored + 1 == self.options.children:
                    entries |= self._learn(episode)
            checkpointer.end_epoch(unit, len(self.plan), state, **entries)

    def _train(self, episode: int, first: int) -> Tensor:
        """Take the training steps of a unit, from step ``first`` on; return their mean loss."""
        steps = min(STEPS_AT_ONCE, self.plan.steps_of(episode) - first)
        if self._batches is None or first == 0:
            self._batches = islice(endless(lambda turn: self._pass(episode, turn)), first, None)
        self._sampled = None
        self.child.train()
        losses = []
        every = self.options.branches == "all"
        for tokens in self._sample(steps, "train", episode, first).tolist():
            self.child.chosen = from_tokens(tokens)
            self.adam.zero_grad(set_to_none=not every)
            if every:
                for weight in self.child.parameters():
                    if weight.grad is None:
                        weight.grad = torch.zeros_like(weight)
            value = self.loss(next(self._batches))
            value.backward()
            distributed.average_gradients(self.child.parameters())
            self.adam.step()
            losses.append(value.detach())
        return distributed.mean(torch.stack(losses).mean())

    def _score(self, episode: int, number: int) -> dict[str, Any]:
        """Score a child of an episode with the shared weights; return entries of the history."""
        self._batches = None
        count = self.options.children
        if self._sampled is None:
            distributed.broadcast(self.child)
            # The controller is what it was at the first child of the episode.
            self._sampled = self._sample(count, "score", episode)
        tokens = self._sampled[number].tolist()
        self.child.chosen = from_tokens(tokens)
        reward, value = self.reward()
        self.children.tokens.append(tokens)
        self.children.rewards.append(reward)
        return {"loss": value, "reward": reward, "child": "".join(map(str, tokens))}

    def _learn(self, episode: int) -> dict[str, float]:
        """Train the controller on the children of an episode; return entries of the history."""
        count = self.options.children
        entries = policy.learn(
            self.controller,
            self.controller_adam,
            self.settings.controller,
            torch.tensor(self.children.tokens[-count:]),
            torch.tensor(self.children.rewards[-count:], dtype=torch.float64),
            self.children.baseline(count),
            self._generator("order", episode),
        )
        self._sampled = None
        return entries

    def reward(self) -> tuple[float, Tensor]:
        """Return the child's mean area under the ROC curves of its columns, and its mean loss."""
        size, names = self.options.batch_size, self.settings.loss
        predict = networks.predictor(self.context, self.child, self.held_out, names)
        answers, total = [], torch.zeros((), device=self.context.device)
        for batch in self.held_out.batches(size):
            answers.append(predict(batch).values)
            total += self.validation_loss(answers[-1], batch) * len(batch.x)
        logits = torch.cat(answers)
        scores = logits.sigmoid() if self.context.task.kind == "multi-label" else logits.softmax(1)
        areas = [auroc(scores[:, k], self._truth[:, k]) for k in self._defined]
        return float(torch.stack(areas).mean()), total / len(self.held_out)

    def _pass(self, episode: int, turn: int) -> Iterator[Batch]:
        seed, size = self.context.spec.seed, self.options.batch_size
        return self.fold.shuffled(size, seed, "search", episode, turn, limit=self.batches_of_pass)

    def _sample(self, count: int, *stream: str | int) -> Tensor:
        return self.controller.sample(count, self._generator(*stream))

    def _generator(self, *stream: str | int) -> torch.Generator:
        seed = key(self.context.spec.seed, "search", "children", *stream)
        return torch.Generator().manual_seed(seed)


def _columns(fold: Fold, outputs: int) -> Tensor:
    """Return booleans (samples, outputs): which class or labels each sample has."""
    y = torch.cat([batch.y for batch in fold.batches(4096)])
    return F.one_hot(y.long(), outputs).bool() if y.ndim == 1 else y > 0.5
