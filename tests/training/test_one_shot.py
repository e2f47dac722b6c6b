"""The loop of one-shot searches, on a toy supernet that is set up as published searches are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.data.loading import Batch
from kit.errors import DivergedError, KitError
from kit.search import ExponentiatedGradient
from kit.settings import Optimiser, Schedule
from kit.training.checkpointer import Checkpointer
from kit.training.loop import Hooks
from kit.training.one_shot import Learner, Order, endless, search
from kit.training.optimisers import make_optimiser
from tests.specs import smoke_spec

EPOCHS, STEPS = 5, 3


class Toy(nn.Module):
    """Two layers, each a choice among three linear maps; all of them are mixed, or some sampled."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList(
            nn.ModuleList(nn.Linear(4, 4) for _ in range(3)) for _ in range(2)
        )
        self.alphas = nn.Parameter(torch.full((2, 3), 1 / 3))
        self.sampled: list[list[int]] = [[0, 1, 2]] * 2

    @property
    def weights(self) -> list[nn.Parameter]:
        return list(self.layers.parameters())

    def sample(self, count: int, uniform: bool = False) -> None:
        chances = torch.ones(2, 3) if uniform else self.alphas.detach().softmax(1)
        self.sampled = torch.multinomial(chances, count).sort(1).values.tolist()

    def forward(self, x: Tensor, coefficients: Callable[[Tensor], Tensor]) -> Tensor:
        for layer, alpha, chosen in zip(self.layers, self.alphas, self.sampled, strict=True):
            mixed = coefficients(alpha[chosen])
            assert isinstance(layer, nn.ModuleList)
            x = sum(c * layer[n](x) for c, n in zip(mixed, chosen, strict=True)).tanh()
        return x


def fold(seed: int, size: int) -> Callable[[int], Iterator[Batch]]:
    """Three batches of an epoch."""

    def batches(epoch: int) -> Iterator[Batch]:
        draw = torch.Generator().manual_seed(100 * seed + epoch)
        for _ in range(STEPS):
            x = torch.randn(size, 4, generator=draw)
            yield Batch(x=x, y=x.flip(1), sample_id=x, unit_id=x)

    return batches


Both = tuple[Toy, Learner[Batch], Learner[Batch], dict[str, Any]]


def gaea() -> Both:
    """GAEA PC-DARTS: exponentiated gradients after each weight step, from epoch 2 on."""
    network = Toy()

    def loss(batch: Batch) -> Tensor:
        return F.mse_loss(network(batch.x, lambda alpha: alpha.softmax(0)), batch.y)

    sgd = Optimiser(learning_rate=0.1, momentum=0.9, weight_decay=3e-4, nesterov=False)
    annealed = Schedule(kind="cosine", every="epoch")
    weights = Learner(
        network.weights,
        make_optimiser([{"params": network.weights}], sgd),
        annealed,
        loss,
        batches=fold(1, 8),
        steps=STEPS,
        clip=5.0,
    )
    simplex = ExponentiatedGradient([network.alphas], lr=0.1)
    architecture = Learner([network.alphas], simplex, Schedule(), loss, batches=fold(2, 8))
    return network, weights, architecture, {"order": "weights-first", "warm_start": 2}


def densenas() -> Both:
    """DenseNAS: an architecture step on two paths, then a weight step on one and four batches."""
    network, warm_start = Toy(), 2
    before = network.alphas.detach().clone()

    def loss(batch: Batch) -> Tensor:
        return F.mse_loss(network(batch.x, lambda alpha: alpha.softmax(0)), batch.y)

    def loss_and_cost(batch: Batch) -> Tensor:
        costs = torch.tensor([1.0, 2.0, 3.0])
        return loss(batch) + 0.2 * (network.alphas.softmax(1) * costs).sum().log()

    def sample_one(epoch: int, _step: int) -> None:
        network.sample(1, uniform=epoch < warm_start)

    def sample_two(*_: int) -> None:
        network.sample(2)
        before.copy_(network.alphas.detach())

    @torch.no_grad()
    def rescale() -> None:
        for layer, chosen in enumerate(network.sampled):
            new = network.alphas[layer, chosen]
            scale = before[layer, chosen].logsumexp(0) - new.logsumexp(0)
            network.alphas[layer] = before[layer]
            network.alphas[layer, chosen] = new + scale

    def four(epoch: int) -> Iterator[Batch]:
        parts = [fold(number, 4)(epoch) for number in range(4)]
        return map(Batch.join, zip(*parts, strict=True))

    sgd = Optimiser(learning_rate=0.2, momentum=0.9, weight_decay=4e-5, nesterov=False)
    adam = Optimiser(kind="adam", learning_rate=3e-4, momentum=0.5, weight_decay=1e-3)
    weights = Learner(
        network.weights,
        make_optimiser([{"params": network.weights}], sgd),
        Schedule(kind="cosine", floor=1e-5),
        loss,
        batches=four,
        steps=STEPS,
        hooks=Hooks(before_step=sample_one),
    )
    architecture = Learner(
        [network.alphas],
        make_optimiser([{"params": [network.alphas]}], adam),
        Schedule(),
        loss_and_cost,
        batches=fold(4, 4),
        hooks=Hooks(before_step=sample_two, after_step=rescale),
    )
    return network, weights, architecture, {"order": "architecture-first", "warm_start": warm_start}


def dash() -> Both:
    """DASH: both follow the same batch and the same backward pass, clipped together."""
    network, weights, architecture, _ = gaea()
    alphas = make_optimiser([{"params": [network.alphas]}], Optimiser(learning_rate=0.05))
    return (
        network,
        weights,
        Learner([network.alphas], alphas, Schedule(), architecture.loss),
        {"order": "together"},
    )


SEARCHES = {"gaea": gaea, "densenas": densenas, "dash": dash}


class Killed(BaseException):
    """Stands for ``kill -9``."""


def keeper(folder: Path) -> Checkpointer:
    spec = smoke_spec("wrn", protocol="clean")
    return Checkpointer("search", spec, folder, folder / "history.jsonl")


def run(make: Callable[[], Both], folder: Path, kill_at: int | None = None) -> list[Tensor]:
    network, weights, architecture, how = make()
    taken = 0

    def observe() -> dict[str, Any]:
        return {"alpha": network.alphas.tolist()}

    def counted(*_: object) -> None:
        nonlocal taken
        taken += 1
        if taken == kill_at:
            raise Killed

    weights.optimiser.register_step_post_hook(counted)
    search(keeper(folder), network, weights, architecture, epochs=EPOCHS, observe=observe, **how)
    return [each.detach().clone() for each in network.parameters()]


@pytest.mark.parametrize("name", SEARCHES)
def test_killed_at_any_step_it_ends_with_the_same_bits(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kit.training.checkpointer.SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    whole = run(SEARCHES[name], tmp_path / "whole")
    for step in range(2, EPOCHS * STEPS + 1, 2):
        with pytest.raises(Killed):
            run(SEARCHES[name], tmp_path / str(step), kill_at=step)
        again = run(SEARCHES[name], tmp_path / str(step))
        assert all(torch.equal(a, b) for a, b in zip(whole, again, strict=True)), step
        assert lines(tmp_path / str(step)) == lines(tmp_path / "whole")


def lines(folder: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "seconds"} for line in found]


def test_gaea_by_hand(tmp_path: Path) -> None:
    """The published loop written down: SGD on the weights, then p exp(-0.1 g) on each simplex."""
    network, weights, architecture, _ = gaea()
    start = network.weights
    sgd = torch.optim.SGD(start, 0.1, momentum=0.9, weight_decay=3e-4)
    annealing = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, EPOCHS)
    for epoch in range(EPOCHS):
        for mine, other in zip(fold(1, 8)(epoch), fold(2, 8)(epoch), strict=True):
            sgd.zero_grad()
            weights.loss(mine).backward()
            nn.utils.clip_grad_norm_(start, 5.0)
            sgd.step()
            if epoch >= 2:
                (g,) = torch.autograd.grad(architecture.loss(other), [network.alphas])
                with torch.no_grad():
                    moved = network.alphas * (-0.1 * g).exp()
                    network.alphas.copy_(moved / moved.sum(1, keepdim=True))
        annealing.step()
    found = run(gaea, tmp_path)
    for ours, theirs in zip(found, network.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)
    assert torch.allclose(found[0].sum(1), torch.ones(2))
    history = lines(tmp_path)
    assert ["architecture_loss" in line for line in history] == [False, False, True, True, True]


def test_densenas_keeps_what_it_did_not_sample(tmp_path: Path) -> None:
    """Rescaling leaves the probability of the operation that was not on the paths as it was."""
    network, weights, architecture, how = densenas()
    hooks, start, seen = architecture.hooks, network.alphas.detach().clone(), []

    def before_step(epoch: int, step: int) -> None:
        hooks.before_step(epoch, step)
        start.copy_(network.alphas.detach())

    def after_step() -> None:
        hooks.after_step()
        after = network.alphas.detach()
        for layer, chosen in enumerate(network.sampled):
            (left,) = {0, 1, 2} - set(chosen)
            seen.append([float(each.softmax(1)[layer, left]) for each in (start, after)])

    watched = Learner(
        architecture.parameters,
        architecture.optimiser,
        architecture.schedule,
        architecture.loss,
        batches=architecture.batches,
        hooks=Hooks(before_step=before_step, after_step=after_step),
    )
    search(keeper(tmp_path), network, weights, watched, epochs=EPOCHS, **how)
    assert len(seen) == 2 * STEPS * (EPOCHS - 2)
    assert all(after == pytest.approx(before, abs=1e-6) for before, after in seen)
    assert not torch.equal(network.alphas.detach(), Toy().alphas.detach())


@pytest.mark.parametrize(
    ("order", "warm_start", "every", "expected"),
    [
        ("weights-first", 0, 1, "wawawa"),
        ("architecture-first", 0, 1, "awawaw"),
        ("weights-first", 1, 1, "www"),
        ("weights-first", 0, 2, "wwaw"),
        ("architecture-first", 0, 2, "awwaw"),
        ("architecture-first", 0, 3, "awww"),
    ],
)
def test_who_steps_when(
    order: Order, warm_start: int, every: int, expected: str, tmp_path: Path
) -> None:
    network, weights, architecture, _ = gaea()
    taken: list[str] = []
    for letter, each in (("w", weights), ("a", architecture)):
        each.optimiser.register_step_post_hook(lambda *_, letter=letter: taken.append(letter))
    search(
        keeper(tmp_path),
        network,
        weights,
        architecture,
        epochs=1,
        order=order,
        warm_start=warm_start,
        every=every,
    )
    assert "".join(taken) == expected


@pytest.mark.parametrize("hold", [True, False])
def test_a_step_gives_gradients_to_its_own_alone(hold: bool, tmp_path: Path) -> None:
    network, weights, architecture, _ = gaea()
    asked: list[tuple[bool, bool]] = []
    real = weights.loss

    def loss(batch: Batch) -> Tensor:
        asked.append((network.weights[0].requires_grad, network.alphas.requires_grad))
        return real(batch)

    def no_gradient(parameters: Sequence[nn.Parameter]) -> Callable[[], None]:
        def check() -> None:
            assert all(each.grad is None for each in parameters)

        return check

    mine = Learner(
        network.weights,
        weights.optimiser,
        Schedule(),
        loss,
        batches=lambda epoch: fold(1, 8)(epoch),
        hooks=Hooks(after_backward=no_gradient([network.alphas])),
    )
    search(
        keeper(tmp_path),
        network,
        mine,
        architecture,
        epochs=2,
        order="weights-first",
        warm_start=2,
        hold=hold,
    )
    assert set(asked) == {(True, not hold)}
    assert all(each.requires_grad for each in network.parameters())


def test_together_is_one_backward_pass_and_one_clip(tmp_path: Path) -> None:
    network, weights, architecture, how = dash()
    tight = Learner(
        weights.parameters, weights.optimiser, Schedule(), weights.loss, weights.batches, clip=1e-3
    )
    norms: list[Tensor] = []

    def norm(*_: object) -> None:
        gradients = [each.grad for each in network.parameters() if each.grad is not None]
        assert len(gradients) == 13
        norms.append(nn.utils.get_total_norm(gradients))

    weights.optimiser.register_step_pre_hook(norm)
    search(keeper(tmp_path), network, tight, architecture, epochs=1, **how)
    assert norms == pytest.approx([1e-3] * STEPS, rel=1e-3)


def test_batches_for_the_architecture_that_end_too_soon(tmp_path: Path) -> None:
    network, weights, architecture, _ = gaea()
    short = Learner(
        architecture.parameters,
        architecture.optimiser,
        Schedule(),
        architecture.loss,
        batches=lambda epoch: iter(list(fold(2, 8)(epoch))[:2]),
    )
    with pytest.raises(KitError, match="no batch for the architecture's step 2"):
        search(keeper(tmp_path), network, weights, short, epochs=1, order="weights-first")


def test_a_fold_begins_anew_when_it_ends() -> None:
    turns: list[int] = []

    def rounds(turn: int) -> Iterator[str]:
        turns.append(turn)
        return iter([f"{turn}a", f"{turn}b"])

    items = endless(rounds)
    assert [next(items) for _ in range(5)] == ["0a", "0b", "1a", "1b", "2a"]
    assert turns == [0, 1, 2]
    assert list(endless(lambda _: iter(()))) == []


@pytest.mark.parametrize("broken", ["alphas", "weights"])
def test_what_is_no_number_any_more_ends_the_search_at_that_epoch(
    broken: str, tmp_path: Path
) -> None:
    network, weights, architecture, how = gaea()
    victim = network.alphas if broken == "alphas" else network.weights[0]

    def spoil(epoch: int) -> None:
        if epoch == 3:
            victim.data.view(-1)[0] = torch.nan

    spoilt = Learner(
        weights.parameters,
        weights.optimiser,
        Schedule(),
        weights.loss,
        weights.batches,
        hooks=Hooks(before_epoch=spoil),
    )
    with pytest.raises(DivergedError, match="search, epoch 4: the loss is nan"):
        search(keeper(tmp_path), network, spoilt, architecture, epochs=EPOCHS, **how)
    assert [line["loss"] is None for line in lines(tmp_path)] == [False] * 3 + [True]
