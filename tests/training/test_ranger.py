from __future__ import annotations

import torch

from kit.training.ranger import Ranger


def descend(weight: torch.nn.Parameter, optimiser: torch.optim.Optimizer) -> None:
    optimiser.zero_grad()
    (weight**4).sum().backward()
    optimiser.step()


def test_every_sixth_step_goes_half_of_the_way_back_and_a_reloaded_state_goes_on() -> None:
    start = torch.linspace(-2, 2, 5)
    weight, peer = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    idle = torch.nn.Parameter(start.clone())
    ranger, radam = Ranger([weight, idle], lr=0.1), torch.optim.RAdam([peer], lr=0.1)
    slow = start.clone()
    for number in range(1, 21):
        descend(weight, ranger)
        descend(peer, radam)
        if number % 6 == 0:
            with torch.no_grad():
                slow += 0.5 * (peer - slow)
                peer.copy_(slow)
        torch.testing.assert_close(weight, peer)
        if number == 10:
            state = ranger.state_dict()
            ranger = Ranger([weight, idle], lr=0.1)
            ranger.load_state_dict(state)
    assert not torch.allclose(weight, torch.nn.Parameter(start))
    assert torch.equal(idle, start)
