"""The kind of XGBoost's trees as an architecture: how many there are and how deep."""

from __future__ import annotations

from typing import Any

from kit.files import decode_given_json

# Facts of an ensemble that are whole numbers.
COUNTS = ("rounds", "depth", "features")
TREES = {"one-per-output": "one for each output", "for-all-outputs": "for all outputs at once"}


class TreeEnsemble:
    """See ``kit.architecture.ArchitectureKind``; no run can be given trees."""

    name, version = "trees", 1

    def read(self, text: str) -> Any:
        """Read JSON.

        Raises:
            ValueError: it is not JSON.
        """
        return decode_given_json(text)

    def check(self, value: Any) -> None:
        """Check the form of a value.

        Raises:
            ValueError: naming the fact that is wrong.
        """
        if not isinstance(value, dict) or set(value) != {*COUNTS, "trees"}:
            raise ValueError(f"no table of {', '.join(COUNTS)} and trees")
        for name in COUNTS:
            if type(value[name]) is not int or value[name] < 0:
                raise ValueError(f"{name} is a whole number, not {value[name]!r}")
        if value["trees"] not in [*TREES]:  # a list has no hash
            raise ValueError(f"trees is one of {', '.join(TREES)}, not {value['trees']!r}")

    def likeness(self, one: Any, other: Any) -> float:
        """Return the share of facts that are the same."""
        return sum(one[name] == other[name] for name in one) / len(one)

    def describe(self, value: Any, spec: Any, task: Any) -> str:
        """Return how many trees there are, and of what."""
        del spec, task
        return (
            f"{value['rounds']} rounds of trees of depth {value['depth']}, "
            f"{TREES[value['trees']]}, of {value['features']} features\n"
        )

    def draw(self, axes: Any, value: Any, spec: Any, task: Any) -> None:
        """Write what ``describe`` says."""
        axes.text(0, 0.5, self.describe(value, spec, task), va="center")
        axes.axis("off")

    def sketch(self, value: Any) -> tuple[str, str] | None:
        """Return None: a line says it all."""
        del value
        return None

    def setting(self, value: Any, task: Any) -> Any:
        """Return the value; no setting takes it."""
        del task
        return value
