"""DASH for one's own problem, on networks that no one prepared for it."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from kit import Architecture, dash_search
from kit.errors import DivergedError
from kit.search import discretise


class UNet(nn.Module):
    """Two levels, a skip connection, a transposed convolution, group norms."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.first = self._double(1, width)
        self.down = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.deep = self._double(2 * width, 2 * width)
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.last = self._double(2 * width, width)
        self.head = nn.Conv2d(width, 1, 1)

    def _double(self, inputs: int, outputs: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        for width in (inputs, outputs):
            layers += [nn.Conv2d(width, outputs, 3, padding=1), nn.GroupNorm(2, outputs), nn.GELU()]
        return nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        fine = self.first(x)
        coarse = self.up(self.deep(self.down(fine)))
        return self.head(self.last(torch.cat([fine, coarse], 1)))


class BasicBlock(nn.Module):
    """He et al. 2016, in torch alone."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = nn.Sequential()
        if stride != 1 or inputs != outputs:
            matched = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(matched, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (y + self.downsample(x)).relu()


class ResNet(nn.Sequential):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8))
        self.layer1, self.layer2 = BasicBlock(8, 8, 1), BasicBlock(8, 16, 2)
        self.pool, self.flat = nn.AdaptiveAvgPool2d(1), nn.Flatten()
        self.fc = nn.Linear(16, 4)


def images(channels: int = 3) -> DataLoader[Any]:
    torch.manual_seed(0)
    x, y = torch.randn(12, channels, 16, 16), torch.randint(4, (12,))
    return DataLoader(TensorDataset(x, y), batch_size=6, shuffle=True)


def state(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def test_unet_as_documented() -> None:
    torch.manual_seed(0)
    model = UNet()
    before = state(model)
    x = torch.randn(8, 1, 16, 16)
    data = [(x[:4], x[:4].roll(2, 3)), (x[4:], x[4:].roll(2, 3))]
    architecture = dash_search(
        model, data, loss=F.mse_loss, kernel_sizes=(3, 5), dilations=(1, 2), epochs=3
    )
    assert list(architecture.choices) == [
        *("first.0", "first.3", "down", "deep.0", "deep.3", "last.0", "last.3"),
    ]
    assert architecture.losses[-1] < architecture.losses[0]
    found = architecture.apply(model)
    assert found(x).shape == model(x).shape
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), "the model itself is not changed"
    for name, value in found.state_dict().items():
        if "up" in name or name.rpartition(".")[0].endswith((".1", ".4")):
            assert torch.equal(value, before[name]), "what was not searched is a copy"
    wider = architecture.apply(UNet(width=10))
    assert wider(x).shape == (8, 1, 16, 16)


def test_resnet_layers_by_name() -> None:
    model = ResNet()
    search: dict[str, Any] = {"kernel_sizes": (3, 5), "dilations": (1, 2), "epochs": 1}
    everything = dash_search(model, images(), **search).choices
    assert list(everything) == [
        *("stem.0", "layer1.conv1", "layer1.conv2", "layer2.conv1", "layer2.conv2"),
    ]
    some = dash_search(model, images(), include=["layer?.conv*"], exclude=["layer1"], **search)
    assert list(some.choices) == ["layer2.conv1", "layer2.conv2"]
    with pytest.raises(ValueError, match="no convolution to search"):
        dash_search(model, images(), include=["nothing"], **search)


def test_what_is_frozen_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameters and statistics of frozen modules, in the searched network itself."""
    model = ResNet()
    for part in (model.stem, model.layer1):
        part.requires_grad_(False)
    before, seen = state(model), {}

    def spy(network: nn.Module) -> Any:
        seen.update(state(network))
        return discretise(network)

    monkeypatch.setattr("kit.search.api.discretise", spy)
    found = dash_search(
        model, images(), include=["layer2"], kernel_sizes=(3, 5), dilations=(1,), epochs=2
    )
    assert list(found.choices) == ["layer2.conv1", "layer2.conv2"]
    frozen = [name for name in before if name.startswith(("stem", "layer1"))]
    assert len(frozen) == 18
    for name in frozen:
        assert torch.equal(seen[name], before[name]), name
    assert not torch.equal(seen["fc.weight"], before["fc.weight"])
    assert not torch.equal(seen["layer2.bn1.running_mean"], before["layer2.bn1.running_mean"])


def test_the_search_finds_a_shift() -> None:
    """y(t) = x(t - 6) + x(t + 6): of all candidates only (3, 6) and (5, 3) have both taps."""
    torch.manual_seed(0)
    x = torch.randn(64, 1, 64)
    y = F.conv1d(x, torch.tensor([[[1.0, *[0.0] * 11, 1.0]]]), padding=6)
    data = [(x[i : i + 8], y[i : i + 8]) for i in range(0, 64, 8)]
    for seed in range(3):
        found = dash_search(
            nn.Sequential(nn.Conv1d(1, 1, 3, padding=1)),
            data,
            loss=F.mse_loss,
            kernel_sizes=(3, 5),
            dilations=(1, 2, 3, 6),
            learning_rate=0.1,
            seed=seed,
        )
        assert found.choices["0"] in [(3, 6), (5, 3)]
        assert found.losses[-1] < 0.5 * found.losses[0]


def test_interrupted_it_goes_on_to_the_same_architecture(tmp_path: Path) -> None:
    model, data = ResNet(), images()
    search: dict[str, Any] = {"kernel_sizes": (3, 5), "dilations": (1, 2), "epochs": 4}
    whole = dash_search(model, data, **search)
    file = tmp_path / "search.pt"

    def stop(done: int, epochs: int, loss: float) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dash_search(model, data, checkpoint=file, progress=stop, **search)
    torch.randn(7)
    resumed = dash_search(model, data, checkpoint=file, **search)
    assert resumed == whole
    for junk in (
        b"",
        b"text",
        b"junk",
        file.read_bytes()[:300],
        file.read_bytes()[:5000],
        b"\x80\x02cposix\nsystem\nU\x04true\x85R.",
    ):
        damaged = tmp_path / "damaged.pt"
        damaged.write_bytes(junk)
        with pytest.raises(ValueError, match="of another search"):
            dash_search(model, data, checkpoint=damaged, **search)
    with pytest.raises(ValueError, match="of another search"):
        dash_search(model, data, checkpoint=file, kernel_sizes=(3,), dilations=(1,))
    # These have alphas of the same shape, which stand for other sizes.
    for other in ({"kernel_sizes": (5, 3)}, {"dilations": (2, 1)}, {"seed": 1}):
        with pytest.raises(ValueError, match="of another search"):
            dash_search(model, data, checkpoint=file, **{**search, **other})


class Doubled(nn.Module):
    """A loss that is an object."""

    def forward(self, output: Tensor, truth: Tensor) -> Tensor:
        return 2 * F.cross_entropy(output, truth)


class Leaky(ResNet):
    """Of the same shapes, and something else."""


def test_a_checkpoint_is_not_taken_for_another_search(tmp_path: Path) -> None:
    model, data, file = ResNet(), images(), tmp_path / "search.pt"
    search: dict[str, Any] = {"kernel_sizes": (3, 5), "dilations": (1, 2), "epochs": 2}
    search["checkpoint"] = file
    found = dash_search(model, data, clip=1, gradient_scale=1, **search)
    before = file.read_bytes()
    with pytest.raises(ValueError, match=r"^\S+ is of 2 epochs, not 1; remove it to"):
        dash_search(model, data, **{**search, "epochs": 1})
    smaller = [(x[:5], y[:5]) for x, y in data]
    others: list[tuple[nn.Module, Any, dict[str, Any]]] = [
        (model, data, {"loss": Doubled()}),
        (model, data, {"loss": lambda *both: F.cross_entropy(*both)}),
        (model, smaller, {}),
        (Leaky(), data, {}),
    ]
    for other, batches, changes in others:
        with pytest.raises(ValueError, match=r"^\S+ is of another search; remove it to"):
            dash_search(other, batches, **search, **changes)
    assert file.read_bytes() == before
    same: dict[str, Any] = {"clip": 1.0, "gradient_scale": 1.0, "separable": False}
    assert dash_search(nn.DataParallel(model), data, **search, **same) == found
    assert len(dash_search(model, data, **{**search, "epochs": 3}).losses) == 3


def test_checkpoints_of_before_are_refused_in_a_line(tmp_path: Path) -> None:
    file = tmp_path / "search.pt"
    dash_search(ResNet(), images(), kernel_sizes=(3,), dilations=(1,), epochs=1, checkpoint=file)
    state = torch.load(file)
    torch.save({**state, "call": repr({"seed": 0})}, file)
    with pytest.raises(ValueError, match=r"^\S+ is of another search; remove it to start afresh$"):
        dash_search(
            ResNet(), images(), kernel_sizes=(3,), dilations=(1,), epochs=1, checkpoint=file
        )


def test_it_leaves_the_callers_random_numbers_alone() -> None:
    model, data = ResNet(), images()
    torch.manual_seed(3)
    expected = torch.randn(1)
    torch.manual_seed(3)
    dash_search(model, data, kernel_sizes=(3,), dilations=(1, 2), epochs=1)
    assert torch.equal(torch.randn(1), expected)


def test_architectures_on_disk(tmp_path: Path) -> None:
    architecture = Architecture({"layer1.conv1": (5, 3), "layer2.conv2": (3, 1)})
    architecture.save(tmp_path / "found.json")
    loaded = Architecture.load(tmp_path / "found.json")
    assert loaded == architecture
    model = ResNet()
    first, second = (each.apply(copy.deepcopy(model)) for each in (architecture, loaded))
    second.load_state_dict(first.state_dict())
    x = torch.randn(2, 3, 16, 16)
    assert torch.equal(first.eval()(x), second.eval()(x))
    (tmp_path / "found.json").write_text('[["layer1.conv1", 5, 3], ["layer2.conv2", 3, "1"]]')
    with pytest.raises(ValueError, match=r'entry 2, layer "layer2\.conv2": the dilation'):
        Architecture.load(tmp_path / "found.json")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], r"batches \(x, y\)"),
        ([torch.zeros(3)], r"batches \(x, y\)"),
        ([torch.zeros(2, 3, 16, 16)], r"batches \(x, y\)"),
        ([(torch.zeros(2, 3, 16, 16), [0, 1])], r"batches \(x, y\)"),
        ([(torch.zeros(2, 3, 16, 16), torch.zeros(2).long()), {"x": 1}], r"batches \(x, y\)"),
        (((x, torch.zeros(len(x)).long()) for x in torch.zeros(2, 4, 3, 16, 16)), "only once"),
        (iter([(torch.zeros(2, 3, 16, 16), torch.zeros(2, dtype=torch.long))]), "only once"),
    ],
)
def test_data_that_do_not_fit(data: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dash_search(ResNet(), data, kernel_sizes=(3,), dilations=(1, 2))


class Held:
    """Data that hold what goes through them, once or each time anew."""

    def __init__(self, batches: list[tuple[Tensor, Tensor]], *, anew: bool) -> None:
        self.batches, self.anew, self.now = batches, anew, iter(batches)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        if self.anew:
            self.now = iter(self.batches)
        return self.now


def test_data_that_hold_what_goes_through_them() -> None:
    search: dict[str, Any] = {"kernel_sizes": (3,), "dilations": (1, 2), "epochs": 1}
    batches = list(images())
    with pytest.raises(ValueError, match="only once"):
        dash_search(ResNet(), Held(batches, anew=False), **search)
    dash_search(ResNet(), Held(batches, anew=True), **search)
    lasting = DataLoader(images().dataset, batch_size=6, num_workers=1, persistent_workers=True)
    dash_search(ResNet(), lasting, **{**search, "epochs": 2})


def test_data_are_not_asked_more_often_than_gone_through() -> None:
    """Their order may depend on that: once for a look at them, and once an epoch."""
    asked: list[int] = []

    class Ordered:
        def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
            asked.append(len(asked))
            return iter(images())

    dash_search(ResNet(), Ordered(), kernel_sizes=(3,), dilations=(1, 2), epochs=2)
    assert asked == [0, 1, 2]


def test_even_kernel_sizes_are_refused_before_the_search() -> None:
    with pytest.raises(ValueError, match="must be odd"):
        dash_search(ResNet(), images(), kernel_sizes=(3, 4))


def test_the_package_itself_does_not_load_torch() -> None:
    words = "import sys, kit; assert 'torch' not in sys.modules; from kit import dash_search"
    subprocess.run([sys.executable, "-c", words + "; assert 'torch' in sys.modules"], check=True)


@pytest.mark.parametrize("place", ["x", "y"])
def test_a_search_that_diverges_says_so(place: str, tmp_path: Path) -> None:
    """NaN in one batch of several, or a rate that leads there; the checkpoint stays as it was."""
    x, y = torch.randn(4, 2, 8, 8), torch.rand(4)
    bad_x, bad_y = x.clone(), y.clone()
    (bad_x if place == "x" else bad_y).view(-1)[0] = torch.nan
    model = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.Flatten(1), nn.Linear(256, 1))

    def search(file: str, epochs: int, rate: float, *batches: tuple[Tensor, Tensor]) -> None:
        dash_search(
            model,
            list(batches),
            loss=lambda output, truth: F.mse_loss(output[:, 0], truth),
            kernel_sizes=(3,),
            dilations=(1, 2),
            epochs=epochs,
            learning_rate=rate,
            clip=0.0,
            checkpoint=tmp_path / file,
        )

    search("once", 1, 0.01, (x, y))
    before = (tmp_path / "once").read_bytes()
    with pytest.raises(DivergedError, match=r"^epoch 2: the loss is nan: it diverged, or its data"):
        search("once", 5, 0.01, (x, y), (bad_x, bad_y))
    assert (tmp_path / "once").read_bytes() == before
    with pytest.raises(DivergedError, match=r"^epoch [1-5]: .* (nan|inf|not finite): it diverged"):
        search("other", 5, 1e30, (x, y))


@pytest.mark.parametrize(
    "x",
    [
        torch.zeros(2, 1, 8, 8, dtype=torch.uint8),
        torch.zeros(2, 1, 8, 8, dtype=torch.complex64),
        torch.zeros(2, 3, 8, 8),
    ],
)
def test_samples_that_the_model_does_not_take(x: Tensor) -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Flatten(), nn.Linear(256, 2))
    model.train()
    with pytest.raises(ValueError, match="does not take a sample") as raised:
        dash_search(model, [(x, torch.zeros(2, dtype=torch.long))], epochs=1, exclude=())
    assert "\n" not in str(raised.value)
    assert model.training


def test_want_of_memory_is_no_fault_of_the_sample() -> None:
    class Large(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory")

    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), Large())
    data = [(torch.zeros(2, 1, 8, 8), torch.zeros(2, dtype=torch.long))]
    with pytest.raises(torch.OutOfMemoryError):
        dash_search(model, data, epochs=1)
