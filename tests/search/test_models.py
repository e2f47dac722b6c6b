"""Six kinds of models as people have them, searched for one step, applied and run.

They are written out here: torchvision does not import beside every torch, and timm needs it.
"""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune

from kit import Architecture, dash_search

SMALL: dict[str, Any] = {"kernel_sizes": (3, 5), "dilations": (1, 2), "epochs": 1}


class Residual(nn.Module):
    """A body beside the identity, or beside a match of channels."""

    def __init__(self, body: nn.Module, downsample: nn.Module | None = None) -> None:
        super().__init__()
        self.body, self.downsample = body, downsample or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + self.downsample(x)


class Excitation(nn.Module):
    """Squeeze and excitation, by convolutions of size 1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(width, 2, 1), nn.Conv2d(2, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.fc2(self.fc1(x.mean((2, 3), keepdim=True)).relu()).sigmoid()


class UNet(nn.Module):
    """One level down and up again."""

    def __init__(self) -> None:
        super().__init__()
        self.enc, self.down = nn.Conv2d(3, 4, 3, padding=1), nn.MaxPool2d(2)
        self.mid = nn.Conv2d(4, 8, 3, padding=1)
        self.up, self.head = nn.ConvTranspose2d(8, 4, 2, stride=2), nn.Conv2d(8, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        fine = self.enc(x).relu()
        coarse = self.up(self.mid(self.down(fine)).relu())
        return self.head(torch.cat([fine, coarse], 1)).mean((2, 3))


def head(dims: int, width: int) -> list[nn.Module]:
    pool: nn.Module = nn.AdaptiveAvgPool2d(1) if dims == 2 else nn.AdaptiveAvgPool1d(1)
    return [pool, nn.Flatten(), nn.Linear(width, 4)]


def resnet() -> nn.Module:
    body = nn.Sequential(
        nn.Conv2d(8, 16, 3, 2, 1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, 1, 1, bias=False),
    )
    block = Residual(body, nn.Conv2d(8, 16, 1, 2))
    return nn.Sequential(nn.Conv2d(3, 8, 7, 2, 3), nn.MaxPool2d(3, 2, 1), block, *head(2, 16))


def convnext() -> nn.Module:
    depthwise = nn.Conv2d(8, 8, 7, padding=3, groups=8)
    body = nn.Sequential(depthwise, nn.GroupNorm(1, 8), nn.Conv2d(8, 32, 1), nn.GELU())
    block = Residual(nn.Sequential(body, nn.Conv2d(32, 8, 1)))
    return nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.GroupNorm(1, 8), block, *head(2, 8))


def efficientnet() -> nn.Module:
    body = nn.Sequential(
        nn.Conv2d(8, 16, 1),
        nn.BatchNorm2d(16),
        nn.SiLU(),
        nn.Conv2d(16, 16, 5, padding=2, groups=16),
        Excitation(16),
        nn.Conv2d(16, 8, 1),
    )
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), Residual(body), *head(2, 8))


def resnet_1d() -> nn.Module:
    body = nn.Sequential(nn.Conv1d(8, 8, 3, padding=1), nn.BatchNorm1d(8), nn.ReLU())
    return nn.Sequential(nn.Conv1d(3, 8, 7, 2, 3), Residual(body), *head(1, 8))


def tcn() -> nn.Module:
    first = parametrizations.weight_norm(nn.Conv1d(3, 8, 3, padding="same", dilation=2))
    second = parametrizations.weight_norm(nn.Conv1d(8, 8, 3, padding="same", dilation=4))
    block = Residual(nn.Sequential(first, nn.ReLU(), second), nn.Conv1d(3, 8, 1))
    return nn.Sequential(block, *head(1, 8))


MODELS = {
    "resnet": (resnet, 2, ["0", "2.body.0", "2.body.3"]),
    "convnext": (convnext, 2, ["0", "2.body.0.0"]),
    "efficientnet": (efficientnet, 2, ["0", "1.body.3"]),
    "unet": (UNet, 2, ["enc", "mid"]),
    "resnet-1d": (resnet_1d, 1, ["0", "1.body.0"]),
    "tcn": (tcn, 1, ["0.body.0", "0.body.2"]),
}


def data(dims: int) -> list[tuple[Tensor, Tensor]]:
    torch.manual_seed(0)
    return [(torch.randn(4, 3, *[16] * dims), torch.randint(4, (4,)))]


@pytest.mark.parametrize("name", MODELS)
def test_searched_for_a_step_applied_and_run(name: str) -> None:
    """Convolutions of size 1 are left as they are."""
    make, dims, layers = MODELS[name]
    model, batches = make(), data(dims)
    found = dash_search(model, batches, **SMALL)
    assert list(found.choices) == layers
    network = found.apply(model)
    F.cross_entropy(network(batches[0][0]), batches[0][1]).backward()


def test_convolutions_of_size_1_are_searched_if_they_are_included() -> None:
    found = dash_search(UNet(), data(2), include=["mid", "head"], **SMALL)
    assert list(found.choices) == ["mid", "head"]


class Part(nn.Module):
    """A model of which a part is wrapped."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, x: Tensor) -> Tensor:
        return self.part(x)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: torch.compile(model, backend="eager"),
        nn.DataParallel,
        torch.optim.swa_utils.AveragedModel,
        lambda model: nn.DataParallel(cast(nn.Module, torch.compile(model, backend="eager"))),
    ],
)
def test_results_fit_the_model_without_its_wrapper(wrap: Any) -> None:
    plain, batches = UNet(), data(2)
    found = dash_search(wrap(plain), batches, **SMALL)
    assert list(found.choices) == ["enc", "mid"]
    for model in (plain, wrap(UNet())):
        assert found.apply(model)(batches[0][0]).shape == (4, 4)
    inside = dash_search(Part(wrap(UNet())), batches, **SMALL)
    assert list(inside.choices) == ["part.enc", "part.mid"]
    assert inside.apply(Part(UNet()))(batches[0][0]).shape == (4, 4)


def conv(**options: Any) -> nn.Conv2d:
    return nn.Conv2d(3, 4, 3, padding=1, **options)


def pooled(layer: nn.Module) -> nn.Module:
    return nn.Sequential(layer, nn.AdaptiveAvgPool2d(1), nn.Flatten())


@pytest.mark.parametrize("norm", ["weight_norm", "spectral_norm", "orthogonal"])
def test_norms_of_weights_come_back(norm: str) -> None:
    layer = getattr(parametrizations, norm)(conv())
    known = type(layer.parametrizations.weight[0])
    model, batches = pooled(layer), data(2)
    applied = dash_search(model, batches, **SMALL).apply(model)
    assert isinstance(applied[0].parametrizations.weight[0], known)  # type: ignore[index]
    F.cross_entropy(applied(batches[0][0]), batches[0][1]).backward()


class Twice(nn.Module):
    """A parametrisation that nobody knows."""

    def forward(self, weight: Tensor) -> Tensor:
        return 2 * weight


class Odd(nn.Conv2d):
    """A convolution that may compute something else."""


class Named(nn.Module):
    """A layer by two names, of which the pass takes the second."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 3, 3, padding=1)
        self.second = self.first

    def forward(self, x: Tensor) -> Tensor:
        return self.second(x)


def test_a_layer_of_several_names_is_searched_and_stays_one() -> None:
    layer, body = nn.Conv2d(3, 3, 3, padding=1), nn.ReLU()
    for model in (nn.Sequential(layer, body, layer), Named()):
        model = nn.Sequential(model, *head(2, 3))
        found = dash_search(model, data(2), **{**SMALL, "kernel_sizes": (5,), "dilations": (3,)})
        assert list(found.choices.values()) == [(5, 3)]
        places = [
            each
            for each in found.apply(model).get_submodule("0")._modules.values()
            if each is not body
        ]
        convolutions = [each for each in places if isinstance(each, nn.Conv2d)]
        assert len(convolutions) == 2
        assert convolutions[0] is convolutions[1]
        assert convolutions[0].kernel_size == (5, 5)


def test_a_pattern_alone_is_one_pattern() -> None:
    """Not one for each of its letters, of which nearly every name has some."""
    found = dash_search(UNet(), data(2), include="enc", exclude="downsample", **SMALL)
    assert list(found.choices) == ["enc"]


def tied() -> nn.Module:
    first, second = conv(), nn.ConvTranspose2d(4, 3, 3, padding=1)
    second.weight = first.weight
    return nn.Sequential(first, second, conv())


def odd() -> nn.Module:
    layer = conv()
    parametrize.register_parametrization(layer, "weight", Twice())
    return layer


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (lambda: conv(padding_mode="circular"), "0 pads by 'circular'"),
        (lambda: conv(padding_mode="reflect"), "0 pads by 'reflect'"),
        (odd, "0 has the parametrisation Twice"),
        (lambda: torch.nn.utils.spectral_norm(conv()), "0 has the older SpectralNorm"),
        (lambda: torch.nn.utils.weight_norm(conv()), "0 has the older WeightNorm"),
        (tied, "0.0 shares its weight with 0.1"),
        (lambda: prune.l1_unstructured(conv(), "weight", 0.5), "0 is pruned; make that permanent"),
        (
            lambda: nn.Sequential(conv(), torch.jit.script(nn.ReLU())),
            r"scripted parts, which cannot be changed: 0\.1",
        ),
        (lambda: nn.LazyConv2d(4, 3, padding=1), "lazy layers of no size yet; call it with a"),
        (lambda: Odd(3, 4, 3, padding=1), r"subclasses .* left alone.*: 0 \(Odd\)"),
    ],
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_what_could_not_be_made_again_is_refused_by_name(layer: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dash_search(pooled(layer()), data(2), **SMALL)


@pytest.mark.parametrize(
    "register",
    [
        lambda layer: layer.register_forward_hook(lambda *_: None),
        lambda layer: layer.register_forward_hook(lambda *_: None, with_kwargs=True),
        lambda layer: layer.register_forward_pre_hook(lambda *_: None),
    ],
)
def test_hooks_that_would_be_lost_are_refused_by_name(register: Any) -> None:
    """Those of layers that are not searched stay."""
    model, batches = UNet(), data(2)
    register(model.head)
    found = dash_search(model, batches, **SMALL)
    kept = found.apply(model).get_submodule("head")
    assert kept._forward_hooks or kept._forward_pre_hooks
    handle = register(model.mid)
    with pytest.raises(ValueError, match=r": mid has forward hooks, which would be lost$"):
        dash_search(model, batches, **SMALL)
    with pytest.raises(ValueError, match=r"names 'mid', which has forward hooks, which would"):
        found.apply(model)
    handle.remove()
    assert dash_search(model, batches, **SMALL) == found


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_architectures_apply_to_no_layer_that_could_not_be_searched() -> None:
    for layer, words in (
        (torch.nn.utils.weight_norm(conv()), "the older WeightNorm"),
        (prune.l1_unstructured(conv(), "weight", 0.5), "is pruned"),
        (conv(padding_mode="circular"), "pads by 'circular'"),
        (odd(), "the parametrisation Twice"),
    ):
        with pytest.raises(ValueError, match=f"^the architecture names '0', which .*{words}"):
            Architecture({"0": (3, 1)}).apply(pooled(layer))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"epochs": 0}, "at least one epoch, not 0"),
        ({"epochs": -1}, "at least one epoch, not -1"),
        ({"kernel_sizes": ()}, "kernel sizes to search are numbers from 1 on"),
        ({"dilations": (0, 1)}, "dilations to search are numbers from 1 on"),
        ({"kernel_sizes": (3, 10_001)}, "kernel sizes to search are numbers up to 9999, not 10001"),
        ({"dilations": (1, 3, 1)}, "dilations to search differ from each other, unlike"),
        ({"temperature": 0.0}, r"the temperature is a number above 0, not 0\.0"),
        ({"learning_rate": torch.nan}, "^learning_rate is a number from 0 on, not nan"),
        ({"alpha_learning_rate": -1.0}, "^alpha_learning_rate is a number from 0 on, not -1"),
        ({"clip": -1.0}, r"^clip is a number from 0 on, not -1"),
        ({"gradient_scale": -1.0}, r"^gradient_scale is a number from 0 on, not -1"),
        ({"penalty": torch.nan}, r"^penalty is a number from 0 on, not nan"),
        ({"dilations": (1.5,)}, "dilations"),
        (
            {"loss": lambda said, _: said.sum() * 1j},
            r"not a tensor .* torch\.complex64",
        ),
        ({"loss": lambda *_: None}, "the loss must return one number as a tensor, not None"),
        ({"loss": lambda *_: 1.0}, "the loss must return one number as a tensor, not 1"),
        ({"loss": lambda said, _: said}, r"not a tensor of shape \(4, 4\)"),
        ({"loss": lambda said, _: said.detach().sum()}, "the loss has no gradient"),
    ],
)
def test_searches_of_nothing_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dash_search(UNet(), data(2), **{**SMALL, **changes})


def test_a_convolution_called_by_word_is_searched() -> None:
    class ByWord(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = conv()

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(input=x)

    assert [*dash_search(pooled(ByWord()), data(2), **SMALL).choices] == ["0.conv"]


def test_a_convolution_alone_is_no_model() -> None:
    with pytest.raises(ValueError, match="a single convolution; put it into a Sequential"):
        dash_search(nn.Conv2d(3, 4, 3, padding=1), data(2), **SMALL)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_data_that_hold_no_numbers_are_refused(bad: float) -> None:
    x, y = data(2)[0]
    for at in range(2):
        batches = [(x, y.float()[:, None]), (x.clone(), y.float()[:, None].clone())]
        batches[1][at].view(-1)[0] = bad
        with pytest.raises(ValueError, match=f"1 in {'xy'[at]} of batch 1"):
            dash_search(
                UNet(), batches, loss=lambda said, truth: said.mean() * truth.mean(), **SMALL
            )


def test_saved_results_apply_too(tmp_path: Any) -> None:
    found = dash_search(nn.DataParallel(UNet()), data(2), **SMALL)
    found.save(tmp_path / "found.json")
    assert Architecture.load(tmp_path / "found.json").choices == found.choices


def test_a_frozen_parameter_around_parts_that_learn_freezes_none_of_them() -> None:
    modes: set[tuple[bool, ...]] = set()

    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fixed = nn.Parameter(torch.linspace(0, 1, 9), requires_grad=False)
            self.layer, self.learns = nn.Conv1d(2, 4, 3, padding=1), nn.BatchNorm1d(4)
            self.frozen = nn.BatchNorm1d(4).requires_grad_(False)

        def forward(self, x: Tensor) -> Tensor:
            if torch.is_grad_enabled():
                modes.add((self.training, self.learns.training, self.frozen.training))
            return self.frozen(self.learns(self.layer(x + self.fixed))).mean(2)

    dash_search(Positions(), [(torch.randn(4, 2, 9), torch.arange(4))], **SMALL)
    assert modes == {(True, True, False)}
