"""The plan of AMBER's search as units of work, and the children that it has scored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

STEPS_AT_ONCE = 25
"""Training steps per unit of work; a scored child is a unit, too."""


@dataclass(frozen=True)
class Plan:
    """What a search does, as units of work after which it can be resumed.

    Attributes:
        warm_up: training steps before the first episode.
        episodes: number of episodes.
        steps: training steps of an episode, which come first.
        children: scored children of an episode.
    """

    warm_up: int
    episodes: int
    steps: int
    children: int

    def __len__(self) -> int:
        return _units(self.warm_up) + self.episodes * (_units(self.steps) + self.children)

    def at(self, unit: int) -> tuple[int, int | None, int | None]:
        """Return (episode, first training step, scored child) of a unit.

        One of the last two is None. The warm-up is episode -1.
        """
        unit -= _units(self.warm_up)
        if unit < 0:
            return -1, (unit + _units(self.warm_up)) * STEPS_AT_ONCE, None
        episode, place = divmod(unit, _units(self.steps) + self.children)
        if place < _units(self.steps):
            return episode, place * STEPS_AT_ONCE, None
        return episode, None, place - _units(self.steps)

    def steps_of(self, episode: int) -> int:
        """Return the training steps of an episode."""
        return self.warm_up if episode < 0 else self.steps


def _units(steps: int) -> int:
    """Return the number of units that training steps fill."""
    return -(-steps // STEPS_AT_ONCE)


@dataclass
class Children:
    """All children that were scored, and their rewards."""

    tokens: list[list[int]] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)

    def best(self) -> int:
        """Return the index of the child with the largest reward, the first one of ties."""
        return self.rewards.index(max(self.rewards))

    def baseline(self, count: int) -> float:
        """Return the baseline of the last ``count`` rewards: the mean of the ``count`` before them.

        In the first episode, which has none before it, this is the mean of its own rewards.
        """
        rewards = self.rewards[-2 * count : -count] or self.rewards
        return sum(rewards) / len(rewards)

    def state_dict(self) -> dict[str, Any]:
        """Return the state."""
        tokens = torch.tensor(self.tokens, dtype=torch.uint8)
        return {"tokens": tokens, "rewards": torch.tensor(self.rewards, dtype=torch.float64)}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Restore what ``state_dict`` returned."""
        self.tokens, self.rewards = state["tokens"].tolist(), state["rewards"].tolist()
