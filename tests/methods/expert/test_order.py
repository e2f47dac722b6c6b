"""The tensors of the published networks, layer by layer, as their own code makes them.

Weights that lie in that order go in without a table of names. DeepSEA, which is large, has a test
of its own; ROCKET has a linear layer alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from kit import method, task
from kit.methods.expert.method import expert

Shape = tuple[int, ...]
Shapes = Iterator[Shape]


def norm(width: int) -> Shapes:
    """Scale, shift, running mean, running variance."""
    yield from [(width,)] * 4


def layer(outputs: int, inputs: int, *size: int) -> Shapes:
    """A linear layer or a convolution, with its bias."""
    yield from [(outputs, inputs, *size), (outputs,)]


def densenet() -> Shapes:
    width = 48
    yield width, 3, 3, 3
    for block in range(3):
        if block:
            yield from norm(width)
            yield width // 2, width, 1, 1
            width //= 2
        for _ in range(16):
            yield from norm(width)
            yield 96, width, 1, 1
            yield from norm(96)
            yield 24, 96, 3, 3
            width += 24
    yield from norm(width)
    yield from layer(100, width)


def s2cnn() -> Shapes:
    widths = (3, 8, 16, 16, 24, 24, 32, 64)
    for number in range(7):
        outputs = widths[number + 1]
        yield widths[number], outputs, 36 if number else 6
        yield 1, outputs, 1, 1, 1
    for inputs, outputs in ((64, 64), (64, 32), (32, 100)):
        yield from norm(inputs)
        yield from layer(outputs, inputs)


def fno() -> Shapes:
    yield from layer(32, 3)
    yield from [(32, 32, 12, 12)] * 8
    for _ in range(4):
        yield from layer(32, 32, 1, 1)
    yield from layer(128, 32)
    yield from layer(1, 128)


def deepcon() -> Shapes:
    yield from norm(57)
    yield from layer(16, 57, 1, 1)
    for _ in range(128):
        yield from norm(16)
        yield from layer(16, 16, 3, 3)
        yield from layer(16, 16, 3, 3)
    yield from norm(16)
    yield from layer(1, 16, 3, 3)


def twice(outputs: int, inputs: int) -> Shapes:
    for before in (inputs, outputs):
        yield from layer(outputs, before, 3, 3)
        yield from norm(outputs)


def deepcr() -> Shapes:
    yield from twice(32, 1)
    yield from twice(64, 32)
    yield from [(64, 32, 2, 2), (32,)]
    yield from twice(32, 64)
    yield from layer(1, 32, 1, 1)


def attention() -> Shapes:
    yield from norm(52)
    yield from layer(128, 16)
    yield from [(128,)] * 2
    yield from layer(52, 52)
    for inputs, outputs in ((128, 500), (500, 500), (500, 2000)):
        yield from layer(outputs, inputs)
        yield from [(outputs,)] * 2
    yield from layer(18, 2000)


def vgg_like() -> Shapes:
    widths = (1, 32, 32, 32, 64, 64, 128, 128)
    for number in range(7):
        yield from layer(widths[number + 1], widths[number], 3, 3)
        yield from norm(widths[number + 1])
    yield from layer(200, 256)


def resnet() -> Shapes:
    width = 128
    yield from layer(width, 1, 16)
    yield from norm(width)
    for number in range(48):
        outputs = 128 * 2 ** (number // 12)
        yield from norm(width)
        yield from layer(outputs, width // 32, 16)
        yield from norm(outputs)
        yield from layer(outputs, outputs // 32, 16)
        width = outputs
    yield from norm(width)
    yield from layer(4, width)


ORIGINALS = {
    "cifar-100": densenet,
    "spherical": s2cnn,
    "darcy-flow": fno,
    "psicov": deepcon,
    "cosmic": deepcr,
    "ninapro": attention,
    "fsd50k": vgg_like,
    "ecg": resnet,
}


@pytest.mark.parametrize(("name", "original"), ORIGINALS.items())
def test_weights_go_in_by_order_and_shape(name: str, original: Callable[[], Shapes]) -> None:
    found = task.find(name)
    config = method.find("expert").settings(found, "released", "paper", "published").data
    network = expert(found).build(config.input_shape(found.sample_shape), found.outputs)
    own = [each for each in network.state_dict() if not each.endswith("num_batches_tracked")]
    published = {each: torch.randn(shape) for each, shape in zip(own, original(), strict=True)}
    network.load_state_dict(published, strict=False)
