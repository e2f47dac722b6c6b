from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from kit import method, task
from kit.data.folds import TaskData
from kit.data.prepared import open_prepared
from kit.engines.execute import ExecuteOptions, execute
from kit.methods.perceiver_io.model import Attention, Perceiver, fourier_features
from kit.runs import history
from kit.runs.folder import RunFolder
from kit.training.losses import relative_l2

SMALL = {"latents": 4, "channels": 8, "layers": 3, "self_attentions": 1, "heads": 2, "bands": 3}


def small(shape: tuple[int, ...], *, dense: bool, per_position: bool = True) -> Perceiver:
    torch.manual_seed(0)
    return Perceiver(shape, 2, dense=dense, per_position=per_position, **SMALL)


@pytest.mark.parametrize("inputs", [5, 8])
def test_attention_is_torchs_multi_head_attention(inputs: int) -> None:
    torch.manual_seed(0)
    ours = Attention(channels=8, inputs=inputs, heads=2)
    peer = nn.MultiheadAttention(8, 2, kdim=inputs, vdim=inputs, batch_first=True)
    projections = [ours.query, ours.key, ours.value]
    weights = [each.weight for each in projections]
    with torch.no_grad():
        if inputs == 8:
            peer.in_proj_weight.copy_(torch.cat(weights))
        else:
            for name, weight in zip("qkv", weights, strict=True):
                getattr(peer, f"{name}_proj_weight").copy_(weight)
        peer.in_proj_bias.copy_(torch.cat([each.bias for each in projections]))
        peer.out_proj.load_state_dict(ours.out.state_dict())
    queries, others = torch.randn(3, 4, 8), torch.randn(3, 7, inputs)
    expected, _ = peer(queries, others, others)
    torch.testing.assert_close(ours(queries, others), expected)


@pytest.mark.parametrize("inputs", [48, 128])
def test_attention_has_the_first_weights_of_torchs_own(inputs: int) -> None:
    torch.manual_seed(0)
    ours, peer = Attention(128, inputs, 4), nn.MultiheadAttention(128, 4, kdim=inputs, vdim=inputs)
    if inputs == 128:
        theirs = list(peer.in_proj_weight.chunk(3))
    else:
        theirs = [peer.q_proj_weight, peer.k_proj_weight, peer.v_proj_weight]
    pairs = [*zip((ours.query, ours.key, ours.value), theirs, strict=True)]
    for layer, peers in [*pairs, (ours.out, peer.out_proj.weight)]:
        one, other = layer.weight.detach(), peers.detach()
        assert float(one.std()) == pytest.approx(float(other.std()), rel=0.03)
        assert float(one.max()) == pytest.approx(float(other.max()), rel=0.03)
        assert not layer.bias.any()


def test_parameters_are_those_of_the_original() -> None:
    """By its modules: a norm for queries and one for what they read, one in self-attention."""
    channels, features, outputs = 128, 3 + 2 * 65, 100
    norm, square = 2 * channels, channels * channels + channels
    perceptron = norm + 2 * square
    cross = norm + 2 * features + 2 * square + 2 * (features * channels + channels) + perceptron
    self_attention = norm + 4 * square + perceptron
    decoder = 2 * norm + 4 * square + perceptron
    answer = channels * outputs + outputs
    sizes = {"latents": 32, "channels": 128, "layers": 3, "self_attentions": 3, "heads": 4}
    network = Perceiver((3, 32, 32), outputs, dense=False, per_position=False, bands=32, **sizes)
    wanted = 2 * (cross + 3 * self_attention) + decoder + answer + 33 * channels
    assert sum(weight.numel() for weight in network.parameters()) == wanted


def test_fourier_features_by_hand() -> None:
    found = fourier_features((3, 5), bands=2)
    assert found.shape == (15, 10)
    row, column = -1.0, 0.5  # position (0, 3) of 3 × 5; frequencies 1 and half the size
    angles = [math.pi * value for value in (row, row * 1.5, column, column * 2.5)]
    expected = [row, column, *map(math.sin, angles), *map(math.cos, angles)]
    torch.testing.assert_close(found[3], torch.tensor(expected))


def test_later_layers_share_their_weights() -> None:
    network = small((1, 12), dense=False)
    assert isinstance(network.later, nn.Module)
    single = Perceiver((1, 12), 2, dense=False, per_position=True, **(SMALL | {"layers": 1}))
    of = [sum(p.numel() for p in each.parameters()) for each in (network, single, network.first)]
    assert of[0] == of[1] + of[2]


@pytest.mark.parametrize("per_position", [True, False])
def test_a_larger_map_is_answered_window_by_window(per_position: bool) -> None:
    network = small((1, 4, 6), dense=True, per_position=per_position)
    x = torch.randn(2, 1, 7, 15)
    answer = network(x)
    assert answer.shape == (2, 2, 7, 15)
    torch.testing.assert_close(answer[:, :, :4, 6:12], network(x[:, :, :4, 6:12]))
    padded = nn.functional.pad(x, (0, 3, 0, 1))
    torch.testing.assert_close(answer[:, :, 4:, 12:], network(padded[:, :, 4:, 12:])[:, :, :3, :3])


def test_it_tells_where_in_a_sample_something_is() -> None:
    """Without positions the inputs would be a set, and the two classes the same."""
    torch.manual_seed(0)
    network = small((1, 16), dense=False)
    y = torch.arange(64) % 2
    place = torch.randint(0, 8, (64,)) + 8 * y
    x = nn.functional.one_hot(place, 16).float()[:, None]
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(300):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        optimiser.step()
    assert (network(x).argmax(1) == y).float().mean() > 0.95


def test_released_keeps_the_epoch_with_the_lowest_validation_loss(darcy: object) -> None:
    info, of = method.find("perceiver-io"), task.find("darcy-flow")
    spec = info.spec(
        of,
        0,
        protocol="released",
        profile="smoke",
        tier="regenerated",
        # From the second epoch on the rate is far too high.
        overrides=("epochs=3", "schedule.milestones=[1]", "schedule.factor=1000"),
    )
    result = execute(spec, ExecuteOptions())
    assert result is not None
    folder = RunFolder(spec)
    scores = [line["validation"] for line in history.read(folder.path)]
    settings = info.settings(of, "released", "smoke", "regenerated", spec.overrides)
    data = TaskData(of, open_prepared(of, "regenerated", "smoke"), torch.device("cpu"))
    fold = data.fold("tune_val", settings.data)
    batch = fold.samples
    shape = tuple(batch.x.shape[1:])
    sizes = {name: getattr(settings, name) for name in SMALL}
    network = Perceiver(shape, 1, dense=True, per_position=False, **sizes)
    network.load_state_dict(torch.load(folder.path / "artifacts/weights.pt", weights_only=True))
    kept = relative_l2(network(batch.x), batch).item() / len(batch.x)
    assert kept == pytest.approx(min(scores), rel=1e-5)
    assert min(scores) < scores[-1]


def test_the_epoch_is_chosen_on_samples_as_in_training() -> None:
    info = method.find("perceiver-io")
    for name, view in (("psicov", "plain"), ("cosmic", "evaluation"), ("ecg", "evaluation")):
        settings = info.settings(task.find(name), "released", "paper", "published")
        assert settings.data.view("tune_val") == view
