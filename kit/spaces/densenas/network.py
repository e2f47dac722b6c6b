"""The network of an architecture, which is a chain of blocks."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from kit.search import arguments
from kit.spaces.densenas.blocks import Block
from kit.spaces.densenas.modules import BasicBlock, Classifier, Stem, initialise
from kit.spaces.operations import PLAIN


class ChainNetwork(nn.Module):
    """The network of an architecture, which is trained after the search.

    As in the released code, its norms have parameters, and its stem keeps the resolution.

    Args:
        blocks: blocks of the architecture; the stem has the channels that the first one reads.
        input_shape: (channels, *spatial) of a sample, with one or two spatial axes.
        outputs: classes or numbers for a sample, or for each position if ``dense``.
        dense: whether it returns outputs for each position.
        pad: number of zeros on each side of each axis of a sample.

    Raises:
        ValueError: there are no blocks, or a size is no whole number.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        input_shape: Sequence[int],
        outputs: int,
        *,
        dense: bool,
        pad: int = 0,
    ) -> None:
        super().__init__()
        if not blocks:
            raise ValueError("a chain has at least one block")
        input_shape = arguments.shape(input_shape)
        arguments.check_whole(outputs=outputs)
        arguments.check_whole(0, pad=pad)
        dims = len(input_shape) - 1
        self.stem = Stem(dims, input_shape[0], blocks[0].inputs, 1, pad, ceiling=True)
        layers: list[nn.Module] = []
        for block in blocks:
            layers.append(BasicBlock(dims, block.inputs, block.outputs, block.stride, PLAIN))
            layers += [
                BasicBlock(dims, block.outputs, block.outputs, 1, PLAIN) for _ in range(block.stack)
            ]
        self.blocks = nn.Sequential(*layers)
        self.classifier = Classifier(blocks[-1].outputs, outputs, dense)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, *spatial) -> (batch, outputs), or (batch, outputs, *spatial)."""
        return self.classifier(self.blocks(self.stem(x)))
