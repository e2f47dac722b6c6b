"""DASH's architectures: the search's kind, shown in the notation of the paper. No torch."""

from __future__ import annotations

from typing import Any

from kit.methods.dash import drawing, notation
from kit.search.kernel_dilation import KernelDilation
from kit.spec import RunSpec
from kit.task import Task


class DashArchitecture(KernelDilation):
    """Kernel sizes and dilations of a backbone's layers, as appendix A.8 shows them."""

    def describe(self, value: Any, spec: RunSpec, task: Task) -> str:
        """Return the network in the notation of appendix A.8."""
        return notation.text(_network(value, spec, task))

    def draw(self, axes: Any, value: Any, spec: RunSpec, task: Task) -> None:
        """Draw the network as appendix A.8 does."""
        drawing.draw(axes, _network(value, spec, task))


def _network(value: Any, spec: RunSpec, task: Task) -> notation.DiagramNetwork:
    return notation.network(
        [(name, k, d) for name, k, d in value],
        backbone=spec.settings["backbone"],
        width=spec.settings["retrain"]["width"],
        dims=task.dims,
        outputs=task.outputs,
        dense=task.dense,
    )
