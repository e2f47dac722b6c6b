"""Networks and runs that several tests of figures draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kit import paths
from kit.methods.dash import drawing, notation
from kit.report.figures import new
from kit.runs.records import Result

# The two examples of DASH's appendix A.8, as it prints them.
DARCY = """\
DilatedConv5×5,3
Block64,(3,1),(3,1)
Block64,(3,15),(7,15)
Block128,(9,7),(9,7)
Block128,(3,7),(5,7)
Block256,(5,15),(9,7)
Block256,(3,7),(7,7)
BN+ReLU
Linear
Channel-Matching
"""
DEEPSEA = """\
Block64,(11,1),(19,7),(19,1)
Block128,(19,1),(19,7),(15,15)
Block128,(19,15),(19,15),(19,15)
AvgPool1D
Flatten+Linear
"""
DARCY_SIZES = [[(3, 1), (3, 1)], [(3, 15), (7, 15)], [(9, 7), (9, 7)]]
DARCY_SIZES += [[(3, 7), (5, 7)], [(5, 15), (9, 7)], [(3, 7), (7, 7)]]
DEEPSEA_SIZES = [[(11, 1), (19, 7), (19, 1)], [(19, 1), (19, 7), (15, 15)], [(19, 15)] * 3]


def folder(result: Result) -> Path:
    return paths.runs() / result.spec.folder


def darcy() -> notation.DiagramNetwork:
    choices = [("conv1", 5, 3)]
    choices += [
        (f"blocks.{number}.conv{1 + index}", k, d)
        for number, block in enumerate(DARCY_SIZES)
        for index, (k, d) in enumerate(block)
    ]
    return notation.network(choices, backbone="wide-resnet", width=4, dims=2, outputs=1, dense=True)


def deepsea() -> notation.DiagramNetwork:
    choices = [
        (f"blocks.{number}.layers.{4 * index}", k, d)
        for number, block in enumerate(DEEPSEA_SIZES)
        for index, (k, d) in enumerate(block)
    ]
    return notation.network(
        choices, backbone="wide-resnet-1d", width=0, dims=1, outputs=36, dense=False
    )


def levels() -> notation.DiagramNetwork:
    choices = [(f"levels.{n}.layers.{index}", 7, 3) for n in range(8) for index in (0, 4)]
    return notation.network(choices, backbone="tcn", width=0, dims=1, outputs=36, dense=False)


def drawn(network: notation.DiagramNetwork) -> Any:
    """The figure of a network."""
    figure = new(1, 1)
    drawing.draw(figure.subplots(), network)
    return figure
