"""DASH's architectures in the notation and drawing of its paper's appendix A.8."""

from __future__ import annotations

from kit.methods.dash import notation
from tests.report.figures.examples import DARCY, DEEPSEA, darcy, deepsea, levels


def test_both_examples_of_the_appendix_in_its_notation() -> None:
    assert notation.text(darcy()) == DARCY
    assert notation.text(deepsea()) == DEEPSEA


def test_shortcuts_are_those_of_the_networks() -> None:
    assert [block.residual for block in darcy().blocks] == [True] * 6
    assert [block.residual for block in deepsea().blocks] == [True, True, False]
    assert [block.residual for block in levels().blocks] == [True] * 8


def test_channels_are_those_of_the_real_backbones() -> None:
    """Against torch: the output channels of the blocks' last convolutions."""
    from torch import nn

    from kit.backbones import tcn, wide_resnet, wide_resnet_1d

    for drawn, network in (
        (darcy(), wide_resnet.build((1, 8, 8), 1, dense=True)),
        (deepsea(), wide_resnet_1d.build((4, 32), 36)),
        (levels(), tcn.build((4, 32), 36, weight_norm=False)),
    ):
        for block in drawn.blocks:
            last = network.get_submodule(block.layers[-1].name)
            assert isinstance(last, nn.Conv1d | nn.Conv2d)
            assert last.out_channels == block.channels


def test_another_backbone_is_drawn_without_channels() -> None:
    network = notation.network(
        [("stages.0.depthwise", 7, 3), ("stages.1.depthwise", 3, 1)],
        backbone="other",
        width=None,
        dims=2,
        outputs=10,
        dense=False,
    )
    assert notation.text(network) == "Block,(7,3)\nBlock,(3,1)\n"


def test_convnexts_entries_stand_before_their_stages() -> None:
    names = ["entries.0.0", "entries.1.1", "stages.0.0.depthwise", "stages.0.1.depthwise"]
    network = notation.network(
        [(name, 3, 1) for name in [*names, "stages.1.0.depthwise"]],
        backbone="convnext",
        width=None,
        dims=2,
        outputs=10,
        dense=False,
    )
    drawn = [layer.name for block in network.blocks for layer in block.layers]
    assert drawn == ["entries.0.0", *names[2:], "entries.1.1", "stages.1.0.depthwise"]
