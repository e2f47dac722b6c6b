"""AMBER: an update of the controller by a batch of episodes, and the scoring of a child."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from kit.bench import amber_reference
from kit.bench.spaces import SpaceCase
from kit.spaces.amber import LAYERS, OPERATIONS, Controller, child, final_network, from_tokens

EPISODES = 20
SHAPE, OUTPUTS, SAMPLES = (1, 1000), 4, 2
"""Of ECG, at the released width."""
CHILD_EPSILON = 1e-5
"""Of its batch norms; a final network has another."""


def update(vectorised: bool) -> Callable[[str], Callable[[], object]]:
    """Return what makes an update's step, on the CPU: the controller is there on any device."""

    def make(_: str) -> Callable[[], object]:
        torch.manual_seed(0)
        controller = Controller(LAYERS, len(OPERATIONS))
        adam = torch.optim.Adam(controller.parameters())
        tokens = controller.sample(EPISODES, torch.Generator().manual_seed(0))
        advantages = torch.linspace(-0.1, 0.1, EPISODES)

        def loss() -> Tensor:
            if not vectorised:
                return amber_reference.policy_loss(controller, tokens.tolist(), advantages.tolist())
            found = controller.decisions(tokens)
            penalty = found.skip_penalty(0.4, sampled=True).mean()
            return penalty - (found.log_probability * advantages).sum()

        def step() -> None:
            adam.zero_grad()
            loss().backward()
            adam.step()

        return step

    return make


def score(rebuilt: bool) -> Callable[[str], Callable[[], object]]:
    """Return what makes the scoring of a child, each time another one."""

    def make(device: str) -> Callable[[], object]:
        torch.manual_seed(0)
        network = child(SHAPE, OUTPUTS, layers=LAYERS).to(device).eval()
        drawn = Controller(LAYERS, len(OPERATIONS)).sample(64, torch.Generator().manual_seed(0))
        architectures = iter(drawn.tolist() * 1000)
        x = torch.randn(SAMPLES, *SHAPE, device=device)

        def step() -> None:
            network.chosen = from_tokens(next(architectures))
            of_child = network
            if rebuilt:
                of_child = final_network(SHAPE, OUTPUTS, network.chosen, width=32, hidden=925)
                shared = network.state_dict()
                # The child has a dropout between its dense layers.
                names = {name: name.replace("head.4", "head.5") for name in of_child.state_dict()}
                of_child.load_state_dict({name: shared[other] for name, other in names.items()})
                for module in of_child.modules():
                    if isinstance(module, nn.BatchNorm1d):
                        module.eps = CHILD_EPSILON
                of_child = of_child.to(device).eval()
            with torch.no_grad():
                of_child(x)

        return step

    return make


CASES = (
    SpaceCase(
        f"amber, controller's update by {EPISODES} episodes",
        {"a loop over episodes and tokens": update(False), "vectorised": update(True)},
    ),
    SpaceCase(
        f"amber, score of a child, {SAMPLES} samples of ECG",
        {"rebuilt": score(True), "shared weights in place": score(False)},
    ),
)
