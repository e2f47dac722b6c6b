"""Parameters against NAS-Bench-360's Table 7, multiply-adds against an independent counter."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from kit.backbones import backbone
from kit.errors import KitError
from kit.ops.count import multiply_adds, parameters

# Task: backbone, input, outputs, dense, millions of parameters as printed.
PUBLISHED = {
    "cifar-100": ("wide-resnet", (3, 32, 32), 100, False, "2.77"),
    "spherical": ("wide-resnet", (3, 60, 60), 100, False, "2.77"),
    "darcy-flow": ("wide-resnet", (3, 85, 85), 1, True, "2.75"),
    "psicov": ("wide-resnet", (57, 128, 128), 1, True, "2.76"),
    "cosmic": ("wide-resnet", (1, 128, 128), 1, True, "2.75"),
    "ninapro": ("wide-resnet", (1, 16, 52), 18, False, "2.75"),
    "fsd50k": ("wide-resnet", (1, 96, 101), 200, False, "2.80"),
    "ecg": ("wide-resnet-1d", (1, 1000), 4, False, "0.50"),
    "satellite": ("wide-resnet-1d", (1, 46), 24, False, "0.51"),
    "deepsea": ("wide-resnet-1d", (4, 1000), 36, False, "0.51"),
}


@pytest.mark.parametrize("task", PUBLISHED)
def test_published_parameters(task: str) -> None:
    """With biases in the convolutions every printed digit comes out."""
    name, shape, outputs, dense, printed = PUBLISHED[task]
    width = 4 if name == "wide-resnet" else 64
    network = backbone(name).build(shape, outputs, dense=dense, width=width, variant="dash")
    assert f"{parameters(network) / 1e6:.2f}" == printed


@pytest.mark.parametrize("task", PUBLISHED)
def test_published_parameters_without_biases(task: str) -> None:
    """As released, without biases, PSICOV comes out at 2.754 M instead of the printed 2.76 M."""
    name, shape, outputs, dense, printed = PUBLISHED[task]
    network = backbone(name).build(shape, outputs, dense=dense, variant="nas-bench-360")
    expected = "2.75" if task == "psicov" else printed
    assert f"{parameters(network) / 1e6:.2f}" == expected


@pytest.mark.parametrize("variant", ["dash", "nas-bench-360"])
@pytest.mark.parametrize(
    ("name", "shape", "dense"),
    [
        ("wide-resnet", (3, 20, 13), False),
        ("wide-resnet", (3, 9, 11), True),
        ("wide-resnet-1d", (2, 46), False),
        ("wide-resnet-1d", (2, 31), True),
    ],
)
def test_shapes_and_multiply_adds(
    name: str, shape: tuple[int, ...], dense: bool, variant: str
) -> None:
    network = backbone(name).build(shape, 5, dense=dense, width=2, variant=variant)
    network.eval()
    with FlopCounterMode(display=False) as counter:
        output = network(torch.randn(1, *shape))
    assert output.shape == ((1, 5, *shape[1:]) if dense else (1, 5))
    assert counter.get_total_flops() == 2 * multiply_adds(network, shape)


def test_dash_scales_its_1d_network_with_the_number_of_classes() -> None:
    """Appendix A.5.1: min(4^(classes // 10 + 1), 64)."""
    build = backbone("wide-resnet-1d").build
    widths = [build((1, 50), classes).blocks[0].layers[0].out_channels for classes in (4, 10, 24)]
    assert widths == [4, 16, 64]


def test_strides_of_the_two_variants() -> None:
    for variant, first in (("dash", False), ("nas-bench-360", True)):
        network = backbone("wide-resnet").build((3, 32, 32), 10, variant=variant)
        strides = [(block.conv1.stride[0], block.conv2.stride[0]) for block in network.blocks]
        wide = (2, 1) if first else (1, 2)
        assert strides == [(1, 1), (1, 1), wide, (1, 1), wide, (1, 1)]


def test_unknown_backbone() -> None:
    with pytest.raises(KitError, match="did you mean 'wide-resnet'"):
        backbone("wide-resnett")
