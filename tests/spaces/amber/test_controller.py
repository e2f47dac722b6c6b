"""The controller: the original's figures, and properties that do not depend on them."""

from __future__ import annotations

import math
from functools import partial
from itertools import product

import pytest
import torch
from torch import Tensor

from kit.bench import amber_reference
from kit.spaces.amber import Controller, token_count
from tests.spaces.amber.values import VALUES, tokens_of

KNOWN = VALUES["controller"]
TOKENS = torch.tensor([tokens_of(name) for name in VALUES["tokens"]])


def by_rule() -> Controller:
    """Return the controller whose figures are known: weights 0.1 sin(k) in their order."""
    controller, k = Controller(12, 7), 0
    with torch.no_grad():
        for weight in controller.parameters():
            ks = torch.arange(k, k := k + weight.numel(), dtype=torch.float64)
            weight.copy_((0.1 * ks.sin()).reshape(weight.shape))
    assert k == 41_984
    return controller


def loss(controller: Controller, tokens: Tensor, advantages: Tensor) -> Tensor:
    found = controller.decisions(tokens)
    penalty = found.skip_penalty(0.4, sampled=False).mean()
    return penalty - (found.log_probability * advantages).sum()


def test_log_probabilities_and_penalties_of_the_original() -> None:
    found = by_rule().decisions(TOKENS)
    close = partial(torch.testing.assert_close, rtol=1e-6, atol=1e-6)
    close(-found.log_probability, torch.tensor(KNOWN["neg_log_prob"]))
    penalty = found.skip_penalty(0.4, sampled=False)
    close(penalty, torch.tensor(KNOWN["skip_penalty"]))
    first = found.operations[0, 0].exp()
    close(first, torch.tensor(KNOWN["probs_layer0"]))
    bits = torch.sigmoid(2 * torch.stack([-found.skips[0, 3, :3], found.skips[0, 3, :3]], 1))
    close(bits, torch.tensor(KNOWN["probs_skip_layer3_first"]))


def test_gradients_and_updates_of_the_original() -> None:
    controller, advantages = by_rule(), torch.tensor(KNOWN["advantages"])
    adam = torch.optim.Adam(controller.parameters(), 1e-3)
    before = controller.decisions(TOKENS)
    for step, (known, divergence) in enumerate(KNOWN["ten_adam_updates_loss_kl"], 1):
        value = loss(controller, TOKENS, advantages)
        adam.zero_grad()
        value.backward()
        if step == 1:
            assert value.item() == pytest.approx(KNOWN["loss"], rel=1e-6)
            sums = [weight.grad.abs().sum().item() for weight in controller.parameters()]  # type: ignore[union-attr]
            # The original sums the gradient of the embedding over its uses, one by one.
            del sums[2], (others := list(KNOWN["grad_abs_sum"]))[2]
            assert sums == pytest.approx(others, rel=1e-4)
        # Keras adds epsilon before it corrects the second moment.
        adam.param_groups[0]["eps"] = 1e-7 / math.sqrt(1 - 0.999**step)
        adam.step()
        with torch.no_grad():
            assert loss(controller, TOKENS, advantages).item() == pytest.approx(known, rel=5e-6)
            moved = controller.decisions(TOKENS).divergence(before).mean().item()
        assert moved == pytest.approx(divergence, rel=1e-3)


@pytest.mark.parametrize(("layers", "operations"), [(1, 7), (2, 3), (3, 3), (4, 2)])
def test_probabilities_of_all_architectures_sum_to_one(layers: int, operations: int) -> None:
    torch.manual_seed(layers)
    controller = Controller(layers, operations, units=8)
    with torch.no_grad():
        for weight in controller.parameters():
            weight.mul_(20)
    found = controller.decisions(every(layers, operations))
    assert found.log_probability.exp().sum().item() == pytest.approx(1, abs=1e-5)
    assert found.log_probability.std() > 0.01


def test_samples_come_as_often_as_their_probability_says() -> None:
    torch.manual_seed(3)
    controller = Controller(2, 3, units=8)
    with torch.no_grad():
        for weight in controller.parameters():
            weight.mul_(20)
    everything = every(2, 3)
    drawn = controller.sample(20_000, torch.Generator().manual_seed(0))
    counts = (drawn[:, None] == everything).all(2).sum(0)
    assert counts.sum() == 20_000
    chances = controller.decisions(everything).log_probability.exp()
    expected = 20_000 * chances.detach()
    chi_squared = ((counts - expected) ** 2 / expected).sum().item()
    assert chi_squared < 40  # of 17 degrees of freedom; one in a thousand is above 40.8
    again = controller.sample(20_000, torch.Generator().manual_seed(0))
    assert torch.equal(drawn, again)


def test_the_policy_gradient_is_that_of_the_expected_reward() -> None:
    """Over all architectures, sum p grad(log p) r is the gradient of sum p r."""
    torch.manual_seed(0)
    controller = Controller(3, 2, units=3).double()
    with torch.no_grad():
        for weight in controller.parameters():
            weight.mul_(10)
    tokens = every(3, 2)
    rewards = torch.randn(len(tokens), dtype=torch.float64)

    def expected() -> Tensor:
        return (controller.decisions(tokens).log_probability.exp() * rewards).sum()

    found = controller.decisions(tokens).log_probability
    (-(found * found.detach().exp() * rewards).sum()).backward()
    for weight in controller.parameters():
        assert weight.grad is not None
        for place in range(min(4, weight.numel())):
            step = 1e-5
            with torch.no_grad():
                flat = weight.view(-1)
                flat[place] += step
                above = expected()
                flat[place] -= 2 * step
                below = expected()
                flat[place] += step
            slope = ((above - below) / (2 * step)).item()
            assert -weight.grad.view(-1)[place].item() == pytest.approx(slope, rel=1e-5, abs=1e-9)


def test_the_penalty_is_least_at_the_target_of_what_it_looks_at() -> None:
    controller = Controller(3, 2, units=4)
    tokens = every(3, 2)
    found = controller.decisions(tokens)
    with torch.no_grad():
        for sampled in (True, False):
            score = math.log(0.4 / 0.6) / (2 if sampled else 1)
            there = type(found)(
                found.operations,
                torch.full_like(found.skips, score).tril(-1),
                found.log_probability,
            )
            assert there.skip_penalty(0.4, sampled=sampled).abs().max() < 1e-6
            assert there.skip_penalty(0.4, sampled=not sampled).min() > 1e-3


def test_it_scores_as_a_loop_over_tokens_does() -> None:
    torch.manual_seed(1)
    controller = Controller(6, 7, units=16)
    tokens = controller.sample(5, torch.Generator().manual_seed(1))
    advantages = [0.1, -0.2, 0.3, 0.0, 1.0]
    slow = amber_reference.policy_loss(controller, tokens.tolist(), advantages)
    slow_gradients = torch.autograd.grad(slow, list(controller.parameters()))
    found = controller.decisions(tokens)
    penalty = found.skip_penalty(0.4, sampled=True).mean()
    fast = penalty - (found.log_probability * torch.tensor(advantages)).sum()
    torch.testing.assert_close(fast, slow)
    torch.testing.assert_close(
        torch.autograd.grad(fast, list(controller.parameters())), slow_gradients
    )


def every(layers: int, operations: int) -> Tensor:
    """Return all architectures of a tiny space."""
    sizes = [2] * token_count(layers)
    for number in range(layers):
        sizes[token_count(number)] = operations
    return torch.tensor(list(product(*map(range, sizes))))
