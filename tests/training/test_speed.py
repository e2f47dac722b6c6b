"""What each way to train faster does to the numbers, and that none is taken without being asked."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kit import method, task
from kit.backbones import backbone
from kit.engines.execute import ExecuteOptions, execute
from kit.errors import KitError
from kit.ops import AggConv2d
from kit.ops.precision import product_flags
from kit.runs.folder import RunFolder
from kit.search import supernet
from kit.settings import Speed
from kit.spec import Protocol, RunSpec
from kit.training import speed as module
from kit.training.speed import Graphed, accelerate, allow_tf32, compiler
from tests.specs import smoke_spec

pytestmark = pytest.mark.long

BOTH = pytest.mark.parametrize("searched", [False, True], ids=["network", "supernet"])


def wide_resnet(searched: bool) -> nn.Module:
    torch.manual_seed(0)
    network: nn.Module = backbone("wide-resnet").build(
        (3, 8, 8), 4, dense=False, width=1, variant="dash"
    )
    return supernet(network, torch.zeros(1, 3, 8, 8), (3, 5), (1, 2)) if searched else network


def small() -> nn.Module:
    """What is compiled in seconds."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(144, 4)
    )


def dtype_of(speed: Speed) -> torch.dtype:
    return torch.float64 if speed.precision == "float64" else torch.float32


def losses(network: nn.Module, steps: int, speed: Speed) -> Tensor:
    """Train on noise with labels and return the loss of each step."""
    run = accelerate(network, speed, axes=2)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.02, momentum=0.9)
    torch.manual_seed(1)
    x, y = torch.randn(8, 3, 8, 8), torch.arange(8) % 4
    found = []
    for _ in range(steps):
        optimiser.zero_grad()
        output = run(x)
        assert output.dtype == dtype_of(speed)
        loss = nn.functional.cross_entropy(output, y)
        loss.backward()
        optimiser.step()
        found.append(loss.detach())
    assert {weight.dtype for weight in network.parameters()} == {dtype_of(speed)}
    return torch.stack(found)


def change(build: Callable[[], nn.Module], steps: int, **speed: Any) -> float:
    """The largest relative change of a loss."""
    expected, found = losses(build(), steps, Speed()), losses(build(), steps, Speed(**speed))
    return float(((found - expected) / expected).abs().max())


@BOTH
def test_bfloat16_changes_the_losses_of_ten_steps_by_less_than_5_percent(searched: bool) -> None:
    assert 1e-5 < change(lambda: wide_resnet(searched), 10, precision="bf16") < 0.05


@BOTH
def test_float64_changes_rounding_alone(searched: bool) -> None:
    assert 1e-9 < change(lambda: wide_resnet(searched), 3, precision="float64") < 1e-5


@pytest.mark.parametrize(("precision", "agreement"), [("float32", 1e-4), ("float64", 1e-12)])
def test_direct_and_fourier_convolutions_differ_by_rounding(
    precision: str, agreement: float
) -> None:
    def search(way: str) -> nn.Module:
        network = wide_resnet(searched=True)
        for each in network.modules():
            if isinstance(each, AggConv2d):
                each.method = way
        return network

    speed: Any = {"precision": precision}
    one, other = (losses(search(way), 10, Speed(**speed)) for way in ("dilation", "fourier"))
    assert not torch.equal(one, other)
    assert torch.allclose(one, other, rtol=agreement, atol=0)


@BOTH
def test_channels_last_changes_rounding_alone(searched: bool) -> None:
    assert change(lambda: wide_resnet(searched), 3, channels_last=True) < 1e-6


@pytest.mark.skipif(not compiler(), reason="there is no C++ compiler")
def test_compiled_it_computes_the_same_with_the_same_random_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled = []
    real = torch.compile

    def spy(*words: Any, **named: Any) -> Any:
        compiled.append(words)
        return real(*words, **named)

    monkeypatch.setattr(torch, "compile", spy)
    assert change(small, 3, compile=True) < 1e-5
    assert len(compiled) == 1
    accelerate(wide_resnet(searched=True), Speed(compile=True), axes=2)
    assert len(compiled) == 1, "a supernet is left as it is"


@pytest.mark.parametrize("channels_last", [False, True])
def test_inputs_may_lie_in_memory_as_they_like(channels_last: bool) -> None:
    x = torch.randn(2, 1, 4, 3).mT
    run = accelerate(torch.nn.Conv2d(1, 1, 1), Speed(channels_last=channels_last), 2)
    assert torch.equal(run(x), run(x.contiguous()))


def test_float32_is_float32_whatever_torch_takes_for_it_by_default() -> None:
    """Of TF32 there is nothing to see on a CPU but the flag."""
    allow_tf32(True)
    assert [kind.fp32_precision for kind in product_flags("cuda")] == ["tf32", "tf32"]
    accelerate(small(), Speed(), axes=2)(torch.zeros(1, 3, 8, 8))
    assert "tf32" not in [kind.fp32_precision for kind in product_flags("cuda")]
    flags = torch.backends
    assert (flags.cuda.matmul.allow_tf32, flags.cudnn.allow_tf32) == (False, False)


@pytest.mark.parametrize(
    ("asked", "axes", "message"),
    [
        ({"precision": "tf32"}, 2, r"speed\.precision=tf32 needs a CUDA GPU"),
        ({"cuda_graphs": True}, 2, r"speed\.cuda_graphs=true needs a CUDA GPU"),
        ({"channels_last": True}, 1, "for 2D tasks, and this one is 1D"),
        ({"compile": True}, 2, "needs a C\\+\\+ compiler"),
    ],
)
def test_what_there_is_no_use_for_is_refused(
    asked: dict[str, Any], axes: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(KitError, match=message):
        accelerate(small(), Speed(**asked), axes)


def test_recording_leaves_no_trace_and_other_shapes_go_round_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a stand-in for torch's recorder, which makes passes of its own as that one does."""

    def record(network: nn.Module, inputs: tuple[Tensor, ...]) -> Callable[[Tensor], Tensor]:
        for _ in range(3):
            network(*inputs)
        inputs[0].zero_()  # the recorder keeps its sample and writes the next batches into it
        return lambda x: network(x) + 100

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", record)
    fork = torch.random.fork_rng
    monkeypatch.setattr(torch.random, "fork_rng", lambda _: fork([]))  # of the CPU alone
    network, untouched = wide_resnet(True), wide_resnet(True)
    x = torch.randn(4, 3, 8, 8)
    kept = x.clone()
    graphed = Graphed(network, network)
    torch.manual_seed(3)
    expected = untouched(x)
    torch.manual_seed(3)
    assert torch.equal(graphed(x), expected + 100), "the same Gumbel noise"
    assert torch.equal(x, kept)
    for name, buffer in untouched.named_buffers():
        assert torch.equal(network.get_buffer(name), buffer), name
    torch.manual_seed(4)
    expected = untouched(x[:3])
    torch.manual_seed(4)
    assert torch.equal(graphed(x[:3]), expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@BOTH
def test_replayed_graphs_compute_the_same(searched: bool) -> None:
    x = torch.randn(4, 3, 8, 8, device="cuda")
    found = []
    for run_as in (Speed(), Speed(cuda_graphs=True)):
        network = wide_resnet(searched).cuda()
        run = accelerate(network, run_as, axes=2)
        torch.manual_seed(2)
        for _ in range(3):
            loss = run(x).square().mean()
            loss.backward()
        found.append(
            torch.cat(
                [
                    weight.grad.flatten()
                    for weight in network.parameters()
                    if weight.grad is not None
                ]
            )
        )
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-6)


def spec(*overrides: str) -> RunSpec:
    return smoke_spec("dash", *overrides)


def test_off_unless_asked_for_and_then_in_the_spec() -> None:
    protocols: tuple[Protocol, ...] = ("released", "clean")
    found = task.find("ecg")
    for name, protocol in product(("dash", "baby-dash", "dash-tcn", "wrn", "tcn"), protocols):
        settings: Any = method.find(name).settings(found, protocol, "paper", found.tiers[0])
        assert settings.speed == Speed()
    asked = spec("speed.precision=bf16")
    assert asked.settings["speed"]["precision"] == "bf16"
    assert asked.id != spec().id


@pytest.mark.usefixtures("darcy")
def test_a_whole_run_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every training of the run is asked to be faster: the search, each trial, the final one."""
    asked: list[Speed] = []
    real = module.accelerate

    def spy(network: nn.Module, speed: Speed, axes: int, **how: Any) -> Callable[[Tensor], Tensor]:
        asked.append(speed)
        return real(network, speed, axes, **how)

    monkeypatch.setattr("kit.training.loop.accelerate", spy)
    run = spec("speed.precision=bf16", "speed.channels_last=true")
    result = execute(run, ExecuteOptions())
    assert result is not None
    assert result.metrics["relative-l2"].value is not None
    assert asked == [Speed(precision="bf16", channels_last=True)] * 4
    assert RunFolder(run).history.exists()
