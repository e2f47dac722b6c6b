from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from kit.data.loading import Batch
from kit.errors import KitError
from kit.settings import Optimiser, Schedule
from kit.spec import RunSpec
from kit.training import checkpointer as module
from kit.training.checkpointer import Checkpointer
from kit.training.loop import Hooks, at_once, train
from kit.training.losses import loss
from kit.training.optimisers import make_optimiser
from kit.training.schedules import rate
from tests.specs import smoke_spec

EPOCHS = 6


def spec(seed: int = 0) -> RunSpec:
    return smoke_spec("wrn", seed=seed, protocol="clean")


def test_milestones_strict_or_not_and_the_floor() -> None:
    at = Schedule(milestones=(2, 4), factor=0.5)
    past = Schedule(milestones=(2, 4), factor=0.5, strict=True)
    floored = Schedule(milestones=(1, 2, 3), factor=0.1, floor=0.05)
    assert [rate(1.0, epoch, at, 6) for epoch in range(6)] == [1, 1, 0.5, 0.5, 0.25, 0.25]
    assert [rate(1.0, epoch, past, 6) for epoch in range(6)] == [1, 1, 1, 0.5, 0.5, 0.25]
    rates = [rate(1.0, epoch, floored, 6) for epoch in range(4)]
    assert rates == pytest.approx([1, 0.1, 0.01, 0.01])


def test_cosine_against_torch() -> None:
    """Torch's own closed form, at every step of every epoch; then with a rise before it."""
    weight, epochs, steps = nn.Parameter(torch.zeros(1)), 5, 4
    torchs = torch.optim.SGD([weight], lr=0.4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(torchs, epochs * steps, eta_min=0.01)
    cosine = Schedule(kind="cosine", floor=0.01)
    for step in range(epochs * steps):
        expected = torchs.param_groups[0]["lr"]
        assert rate(0.4, step / steps, cosine, epochs) == pytest.approx(expected)
        torchs.step()
        scheduler.step()
    risen = Schedule(kind="cosine", warm_up=2)
    found = [rate(1.0, epoch, risen, 6) for epoch in (0, 0.5, 1, 2, 4, 6)]
    assert found == pytest.approx([0, 0.25, 0.5, 1, 0.5, 0])
    late = Schedule(kind="cosine", start=2)
    assert [rate(1.0, e, late, 6) for e in (0, 2, 4, 6)] == pytest.approx([1, 1, 0.5, 0])


@pytest.mark.parametrize("kind", ["sgd", "adam", "adamw", "rmsprop"])
def test_optimisers_are_torchs(kind: Any) -> None:
    torchs: dict[str, Callable[[list[nn.Parameter]], torch.optim.Optimizer]] = {
        "sgd": lambda w: torch.optim.SGD(w, 0.1, momentum=0.8, weight_decay=0.2, nesterov=True),
        "adam": lambda w: torch.optim.Adam(w, 0.1, (0.8, 0.999), weight_decay=0.2),
        "adamw": lambda w: torch.optim.AdamW(w, 0.1, (0.8, 0.999), weight_decay=0.2),
        "rmsprop": lambda w: torch.optim.RMSprop(w, 0.1, alpha=0.8, eps=1e-7, weight_decay=0.2),
    }
    ours, theirs = (nn.Parameter(torch.tensor([1.0, -2.0])) for _ in range(2))
    settings = Optimiser(kind=kind, learning_rate=0.1, momentum=0.8, weight_decay=0.2)
    pairs = (ours, make_optimiser([{"params": [ours]}], settings)), (theirs, torchs[kind]([theirs]))
    for _ in range(3):
        for weight, optimiser in pairs:
            optimiser.zero_grad()
            (weight**3).sum().backward()
            optimiser.step()
    assert torch.equal(ours, theirs)


def test_losses_against_torch() -> None:
    output, truth = torch.randn(4, 3), torch.tensor([0, 2, 1, 1])

    def batch(y: torch.Tensor) -> Batch:
        return Batch(x=y, y=y, sample_id=y, unit_id=y)

    assert torch.equal(
        loss("cross-entropy")[0](output, batch(truth)), F.cross_entropy(output, truth)
    )
    labels = (torch.rand(4, 3) > 0.5).long()
    expected = F.binary_cross_entropy_with_logits(output, labels.float())
    assert torch.equal(loss("bce")[0](output, batch(labels)), expected)
    field = torch.rand(4, 1, 5, 5) + 1
    guess = field * 1.5
    assert float(loss("relative-l2")[0](guess, batch(field))) == pytest.approx(4 * 0.5, rel=1e-5)
    with pytest.raises(KitError, match="did you mean 'bce'"):
        loss("bcee")


class Killed(BaseException):
    """Stands for ``kill -9``: nothing that cleans up may run after it."""


def _train(folder: Path, *, kill_in: int | None = None) -> tuple[nn.Module, list[float]]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 16), nn.Dropout(0.3), nn.ReLU(), nn.Linear(16, 1))
    x = torch.randn(20, 4)
    data = Batch(x=x, y=x.sum(1, keepdim=True), sample_id=x, unit_id=x)
    checkpointer = Checkpointer("train", spec(), folder / "stages", folder / "history.jsonl")
    seen: list[float] = []

    def batches(epoch: int) -> Iterator[Batch]:
        for number in range(3):
            if epoch == kill_in and number == 1:
                raise Killed
            yield data

    def loss_of(batch: Batch) -> torch.Tensor:
        value = F.mse_loss(network(batch.x), batch.y)
        seen.append(float(value.detach()))
        return value

    train(
        checkpointer,
        network,
        make_optimiser([{"params": list(network.parameters())}], Optimiser(learning_rate=0.05)),
        Schedule(milestones=(2, 4)),
        epochs=EPOCHS,
        batches=batches,
        loss=loss_of,
    )
    return network, seen


def test_resumed_at_any_epoch_the_result_is_the_same_bit_by_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    whole, _ = _train(tmp_path / "whole")
    for epoch in range(EPOCHS):
        folder = tmp_path / str(epoch)
        with pytest.raises(Killed):
            _train(folder, kill_in=epoch)
        resumed, seen = _train(folder)
        assert len(seen) == 3 * (EPOCHS - epoch), "continues at its epoch"
        for left, right in zip(whole.parameters(), resumed.parameters(), strict=True):
            assert torch.equal(left, right)
        assert _epochs(folder) == _epochs(tmp_path / "whole") == list(range(EPOCHS))


def test_history_of_epochs_after_the_checkpoint_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_CHECKPOINTS", 1e9)
    (tmp_path / "history.jsonl").write_text('{"stage": "search", "epoch": 0}\n')
    with pytest.raises(Killed):
        _train(tmp_path, kill_in=4)
    assert _epochs(tmp_path) == [0, 0, 1, 2, 3]
    _train(tmp_path)
    assert _epochs(tmp_path) == [0, *range(EPOCHS)]


def test_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    _train(tmp_path)
    other = Checkpointer("train", spec(1), tmp_path / "stages", tmp_path / "history.jsonl")
    with pytest.raises(KitError, match="of another run"):
        other.resume({})


def test_seconds_and_sessions_add_up(tmp_path: Path) -> None:
    _train(tmp_path)
    again = Checkpointer("train", spec(), tmp_path / "stages", tmp_path / "history.jsonl")
    network = nn.Sequential(nn.Linear(4, 16), nn.Dropout(0.3), nn.ReLU(), nn.Linear(16, 1))
    assert (
        again.resume(
            {
                "network": network,
                "optimiser": make_optimiser(
                    [{"params": list(network.parameters())}], Optimiser(learning_rate=0.05)
                ),
            }
        )
        == EPOCHS
    )
    assert again.sessions == 2
    assert again.active_seconds > 0


def _epochs(folder: Path) -> list[int]:
    import json

    lines = (folder / "history.jsonl").read_text().splitlines()
    return [json.loads(line)["epoch"] for line in lines]


def test_an_epoch_waits_for_the_device_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss, and whether all weights are finite, come to the host together."""
    waits: list[str] = []
    for name in ("tolist", "item", "__float__", "__bool__", "__int__", "cpu", "numpy"):
        real = getattr(torch.Tensor, name)

        def counted(self: Any, *words: Any, name: str = name, real: Any = real) -> Any:
            waits.append(name)
            return real(self, *words)

        monkeypatch.setattr(torch.Tensor, name, counted)
    network = nn.Linear(4, 1)
    x = torch.randn(20, 4)
    train(
        Checkpointer("train", spec(), tmp_path, tmp_path / "history.jsonl"),
        network,
        torch.optim.SGD([{"params": network.parameters(), "initial_lr": 0.1}], lr=0.1),
        Schedule(),
        epochs=EPOCHS,
        batches=lambda _: iter([x] * 3),
        loss=lambda each: network(each).square().mean(),
        clip=1.0,
    )
    assert waits == ["tolist"] * EPOCHS


def test_gradients_are_clipped_together_before_the_step(tmp_path: Path) -> None:
    network = nn.Linear(4, 1)
    x = torch.randn(20, 4)
    norms: list[float] = []
    optimiser = torch.optim.SGD([{"params": network.parameters(), "initial_lr": 0.1}], lr=0.1)
    optimiser.register_step_pre_hook(
        lambda *_: norms.append(float(nn.utils.get_total_norm(_gradients(network))))
    )
    for clip in (0.01, 0.0):
        train(
            Checkpointer("train", spec(), tmp_path / str(clip), tmp_path / "history.jsonl"),
            network,
            optimiser,
            Schedule(),
            epochs=1,
            batches=lambda _: iter([x]),
            loss=lambda each: 100 * network(each).square().mean(),
            clip=clip,
        )
    assert norms[0] == pytest.approx(0.01, rel=1e-4)
    assert norms[1] > 1.0


def _gradients(network: nn.Module) -> list[torch.Tensor]:
    return [each.grad for each in network.parameters() if each.grad is not None]


def test_hooks_are_called_in_their_order(tmp_path: Path) -> None:
    network, calls = nn.Linear(1, 1), list[str]()
    optimiser = torch.optim.SGD([{"params": network.parameters(), "initial_lr": 0.1}], lr=0.1)
    optimiser.register_step_post_hook(lambda *_: calls.append("step"))
    train(
        Checkpointer("train", spec(), tmp_path, tmp_path / "history.jsonl"),
        network,
        optimiser,
        Schedule(),
        epochs=1,
        batches=lambda _: iter([1, 2]),
        loss=lambda _: network.weight.sum(),
        hooks=Hooks(
            before_epoch=lambda epoch: calls.append(f"epoch {epoch}, {network.training}"),
            before_step=lambda epoch, step: calls.append(f"{epoch}.{step}"),
            after_backward=lambda: calls.append(f"gradient {network.weight.grad is not None}"),
            after_step=lambda: calls.append("after"),
        ),
    )
    one = ["gradient True", "step", "after"]
    assert calls == ["epoch 0, True", "0.0", *one, "0.1", *one]


def test_a_rate_that_changes_by_the_epoch(tmp_path: Path) -> None:
    """Torch's cosine, stepped once per epoch, as GAEA has it."""
    network, rates = nn.Linear(1, 1), list[float]()
    optimiser = torch.optim.SGD([{"params": network.parameters(), "initial_lr": 0.1}], lr=0.1)
    peer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(peer, EPOCHS)
    expected = []
    for _ in range(EPOCHS):
        expected += [peer.param_groups[0]["lr"]] * 2
        peer.step()
        scheduler.step()
    train(
        Checkpointer("train", spec(), tmp_path, tmp_path / "history.jsonl"),
        network,
        optimiser,
        Schedule(kind="cosine", every="epoch"),
        epochs=EPOCHS,
        batches=lambda _: iter([1, 2]),
        steps=2,
        loss=lambda _: network.weight.sum(),
        hooks=Hooks(before_step=lambda *_: rates.append(optimiser.param_groups[0]["lr"])),
    )
    assert rates == pytest.approx(expected)


@pytest.mark.parametrize(
    ("shape", "count"),
    [((3, 85, 85), 64), ((1, 128, 128), 64), ((57, 512, 512), 4), ((4, 9000), 64)],
)
def test_of_large_samples_fewer_are_looked_at_in_a_pass(shape: tuple[int, ...], count: int) -> None:
    class Made(list[int]):
        def first(self, number: int) -> Batch:
            ids = torch.arange(number)
            return Batch(torch.empty(number, *shape, device="meta"), ids, ids, ids)

    fold: Any = Made(range(100))
    assert at_once(fold, 64) == count
    assert at_once(fold, 2) == 2
    nothing: Any = Made()
    assert at_once(nothing, 64) == 64
