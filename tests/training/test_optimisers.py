from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import torch
from torch.optim import Optimizer

from kit.errors import DivergedError
from kit.search import ExponentiatedGradient
from kit.settings import Optimiser
from kit.training.optimisers import eager, make_optimiser

KINDS: dict[str, Callable[..., Optimizer]] = {
    "sgd": lambda groups: torch.optim.SGD(groups, 0.1, 0.9, 0.0, 0.01, True),
    "adam": lambda groups: torch.optim.Adam(groups, 0.1, (0.9, 0.999), weight_decay=0.01),
    "adamw": lambda groups: torch.optim.AdamW(groups, 0.1, (0.9, 0.999), weight_decay=0.01),
    "rmsprop": lambda groups: torch.optim.RMSprop(groups, 0.1, 0.9, 1e-7, 0.01),
}


def settings(kind: Any) -> Optimiser:
    return Optimiser(kind=kind, learning_rate=0.1, weight_decay=0.01, momentum=0.9, nesterov=True)


def stepped(make: Callable[..., Optimizer]) -> tuple[torch.Tensor, Optimizer]:
    weight = torch.nn.Parameter(torch.linspace(-1, 1, 7))
    optimiser = make([{"params": [weight]}])
    for _ in range(4):
        optimiser.zero_grad()
        (weight**3).sum().backward()
        optimiser.step()
        # A checkpoint in between changes nothing.
        optimiser.load_state_dict(optimiser.state_dict())
    return weight.detach(), optimiser


@pytest.mark.parametrize("kind", KINDS)
def test_steps_are_those_of_torch(kind: str) -> None:
    ours, optimiser = stepped(lambda groups: make_optimiser(groups, settings(kind)))
    theirs, own = stepped(KINDS[kind])
    assert torch.equal(ours, theirs)
    assert isinstance(optimiser, type(own))
    own.load_state_dict(optimiser.state_dict())
    optimiser.load_state_dict(own.state_dict())


@pytest.mark.parametrize("kind", ["sgd", "adam", "adamw"])
def test_a_step_that_torch_cannot_take_is_a_divergence(kind: str) -> None:
    huge = msgspec.structs.replace(settings(kind), learning_rate=1e38 if kind != "sgd" else 1e39)
    with pytest.raises(DivergedError, match=r"^a step at the learning rate 1e\+3[89] is larger"):
        stepped(lambda groups: make_optimiser(groups, huge))


def test_other_errors_of_a_step_stay_what_they_are() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    optimiser = make_optimiser([{"params": [weight]}], settings("adam"))
    with pytest.raises(RuntimeError, match="closure"):
        optimiser.step(broken)


def broken() -> float:
    raise RuntimeError("of the closure")


def test_torchs_compiler_is_not_imported() -> None:
    program = """if True:
        import sys
        from tests.training.test_optimisers import KINDS, make_optimiser, settings, stepped
        for kind in (*KINDS, "ranger"):
            stepped(lambda groups: make_optimiser(groups, settings(kind)))
            assert "torch._dynamo" not in sys.modules, kind
        """
    subprocess.run([sys.executable, "-c", program], check=True)


def test_hooks_and_closures_as_ever() -> None:
    weight, seen = torch.nn.Parameter(torch.ones(2)), []
    optimiser = eager(torch.optim.SGD)([weight], lr=0.1)
    optimiser.register_step_pre_hook(lambda *_: seen.append("before"))
    optimiser.register_step_post_hook(lambda *_: seen.append("after"))

    def closure() -> float:
        seen.append("closure")
        return 3.0

    assert optimiser.step(closure=closure) == 3.0
    assert seen == ["before", "closure", "after"]


def test_a_step_that_somebody_replaced_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    optimiser = eager(torch.optim.SGD)([torch.nn.Parameter(torch.ones(2))], lr=0.1)
    monkeypatch.setattr(torch.optim.SGD, "step", lambda self, closure=None: 5.0)
    assert optimiser.step() == 5.0


def test_exponentiated_gradient_takes_a_closure_as_torchs_optimisers_do() -> None:
    alphas = torch.nn.Parameter(torch.tensor([0.5, 0.5]))
    optimiser = ExponentiatedGradient([alphas], lr=1.0)

    def closure() -> float:
        optimiser.zero_grad()
        loss = (alphas * torch.tensor([1.0, 0.0])).sum()
        loss.backward()
        return loss.item()

    assert optimiser.step(closure) == 0.5
    torch.testing.assert_close(alphas.detach(), torch.tensor([-1.0, 0.0]).softmax(0))
