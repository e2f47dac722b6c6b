"""DenseNAS: what is released, each switch, rates, resumption, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from kit import method, task
from kit.base.context import Context
from kit.base.sizes import MetaContext
from kit.data.folds import TaskData
from kit.data.prepared import open_prepared
from kit.errors import KitError
from kit.method import architectures
from kit.methods.densenas.info import DenseNasSettings
from kit.methods.densenas.method import DenseNas
from kit.methods.densenas.rates import annealing, cosine
from kit.methods.densenas.search import in_parts, search
from kit.ops import count
from kit.papers import published
from kit.runs.folder import RunFolder
from kit.spaces.densenas import Blocks, parse, text
from kit.spaces.densenas.table import supernet_table
from kit.spec import Protocol, RunSpec
from kit.training.optimisers import make_optimiser
from tests.specs import smoke_spec

# Batches of the search and of the final training, and whether the 1D counter counts convolutions.
RELEASED = {
    "cifar-100": (64, 256),
    "spherical": (64, 256),
    "ninapro": (64, 256),
    "fsd50k": (64, 512),
    "darcy-flow": (2, 8),
    "psicov": (2, 8),
    "cosmic": (2, 16),
    "ecg": (32, 128),
    "satellite": (1024, 4096),
    "deepsea": (32, 128),
}
# Where Table 7 has another deviation in its last digits, and FSD50K, where it has one network three
# times and seed 1 is another one.
NEAR = {("densenas", "fsd50k"): 0.05}

LEARNED = ("search", "search_val")


def settings(of: str, *overrides: str, protocol: Protocol = "released") -> DenseNasSettings:
    found = task.find(of)
    resolved = method.find("densenas").settings(found, protocol, "paper", "published", overrides)
    assert isinstance(resolved, DenseNasSettings)
    return resolved


def spec(*overrides: str, protocol: Protocol = "clean", seed: int = 0) -> RunSpec:
    return smoke_spec("densenas", *overrides, seed=seed, protocol=protocol)


def context(of: RunSpec) -> Context:
    found = task.find(of.task)
    data = TaskData(found, open_prepared(found, of.tier, "smoke"), torch.device("cpu"))
    resolved = method.find(of.method).settings(
        found, of.protocol, of.profile, of.tier, of.overrides
    )
    return Context(of, found, resolved, data, RunFolder(of))


def searched(*overrides: str) -> tuple[str, list[dict[str, Any]]]:
    """Search on Darcy Flow's smoke data; return what was found, and the history."""
    of = context(spec(*overrides))
    assert isinstance(of.settings, DenseNasSettings)
    checkpointer = of.checkpointer("search", of.settings.search.epochs)
    found = search(of, checkpointer, of.settings)
    lines = of.folder.history.read_text().splitlines()
    return text([block.entry for block in found]), [json.loads(line) for line in lines]


@pytest.mark.parametrize("of", RELEASED)
def test_the_search_is_the_released_one(of: str) -> None:
    released, clean = settings(of), settings(of, protocol="clean")
    assert (released.search.batch_size, released.batch_size) == RELEASED[of]
    assert released.table == supernet_table(of)
    dense, one = task.find(of).kind == "dense", task.find(of).dims == 1
    assert released.optimiser.learning_rate == (0.001 if dense else 0.5)
    assert (released.epochs, released.search.epochs, released.search.warm_start) == (240, 70, 11)
    assert (released.search.double_softmax, released.search.idle_momentum) == (True, True)
    assert released.search.count_convolutions == (not one)
    assert released.search.cost_shape == ((1, 256, 256) if of == "cosmic" else None)
    assert released.search.architecture_on == ("weights" if of == "cosmic" else "held-out")
    assert (clean.search.double_softmax, clean.search.idle_momentum) == (False, False)
    assert clean.search.count_convolutions
    assert (clean.search.cost_shape, clean.search.architecture_on) == (None, "held-out")
    assert released.pad == clean.pad == (of == "satellite")
    # Both learn from the same kind of samples.
    assert {each.data.view(role) for each in (released, clean) for role in LEARNED} == {"augmented"}


@pytest.mark.parametrize(
    ("of", "total"),
    [
        *(("cifar-100", 59_881_185), ("spherical", 59_881_185), ("ninapro", 59_862_159)),
        *(("fsd50k", 59_903_109), ("darcy-flow", 4_727_964), ("psicov", 4_743_516)),
        *(("cosmic", 1_182_020), ("ecg", 1_655_535), ("deepsea", 1_659_439)),
        ("satellite", 20_654_613),
    ],
)
def test_supernets_are_as_large_as_the_released_ones(of: str, total: int) -> None:
    """The released ones have a parameter more for each head, which chooses nothing."""
    found, released = task.find(of), settings(of)
    run = method.find("densenas").spec(
        found, 0, protocol="released", profile="paper", tier="published"
    )
    with torch.device("meta"):
        network = DenseNas(released).supernet(MetaContext(run, found, released))
    graph = released.table.graph
    heads = sum(edge.target != graph.tail for edge in graph.edges)
    assert count.parameters(network) + heads == total


@pytest.mark.parametrize("name", ["densenas", "densenas-random"])
@pytest.mark.parametrize("of", RELEASED)
def test_released_networks_are_those_of_table_7(name: str, of: str) -> None:
    info, found = method.find(name), task.find(of)
    sizes = []
    for seed, file in architectures.released(info, of).items():
        override = architectures.override(info, "released", of, seed)
        run = info.spec(
            found,
            seed,
            protocol="released",
            profile="paper",
            tier="published",
            overrides=[override],
        )
        resolved = info.settings(found, "released", "paper", "published", [override])
        assert isinstance(resolved, DenseNasSettings)
        with torch.device("meta"):
            network = DenseNas(resolved).network(MetaContext(run, found, resolved))
        assert network is not None
        sizes.append(count.parameters(network) / 1e6)
        assert text(Blocks().read(file.read_text())) + "\n" == file.read_text()
    assert len(sizes) == 3
    mean, deviation = sum(sizes) / 3, float(torch.tensor(sizes).std(correction=0))
    cell = next(c for c in published("nas-bench-360", 7) if (c.method, c.task) == (name, of))
    near = NEAR.get((name, of), 0.014)
    assert float(cell.mean) == pytest.approx(mean, abs=near)
    assert float(cell.std or 0) == pytest.approx(deviation, abs=near)


@pytest.mark.parametrize(
    ("step", "rate"),
    [
        *((1, 0.19999999365676419), (2, 0.1999999746270574), (100, 0.19993657434695095)),
        *((4410, 0.100005), (8820, 1e-05)),
    ],
)
def test_rates_are_those_of_the_original(step: int, rate: float) -> None:
    assert cosine(0.2, 1e-5, step, 8820) == pytest.approx(rate, rel=1e-12)
    weight = nn.Parameter(torch.zeros(1))
    sgd = make_optimiser([{"params": [weight]}], settings("cifar-100").search.optimiser)
    # 125 batches of 64 in each of 70 epochs; the schedule has 126.
    annealing(sgd, 1e-5, 8000, 64, 70)((step - 1) // 125, (step - 1) % 125)
    assert sgd.param_groups[0]["lr"] == pytest.approx(rate, rel=1e-12)


@pytest.mark.parametrize(
    ("override", "first"),
    [
        ("search.double_softmax=true", 0),
        ("search.warm_start=0", 0),
        ("search.temperature=0.5", 0),
        # Architecture steps begin in epoch 1.
        ("search.architecture_on=weights", 1),
        # A layer that was sampled must not have been once, and be sampled again.
        ("search.idle_momentum=true", 1),
    ],
)
def test_a_switch_changes_the_search(override: str, first: int, darcy: Path) -> None:
    """From some epoch on."""
    longer = ("search.epochs=6", "search.batch_size=1")
    plain, other = (
        [line["loss"] for line in searched(*longer, *more)[1]] for more in ([], [override])
    )
    assert plain[:first] == other[:first]
    assert plain[first:] != other[first:]


def test_the_cost_pulls_where_it_counts(darcy: Path) -> None:
    strong = ("search.cost_weight=1e6", "search.architecture.learning_rate=0.5")
    _, priced = searched(*strong)
    _, blind = searched(*strong, "search.count_convolutions=false")
    assert priced[1]["cost"] < priced[0]["cost"]
    # What is left is the classifier, whatever the architecture.
    assert blind[0]["cost"] == blind[1]["cost"] == pytest.approx(1e-5)
    shaped = searched("search.cost_shape=[1,256,256]")[1]
    assert shaped[0]["cost"] > priced[0]["cost"]


def test_four_parts_without_a_common_sample(darcy: Path) -> None:
    fold = context(spec()).fold("search")
    parts = in_parts(fold)
    each = [sorted(part.addresses[:, 0].tolist()) for part in parts]
    assert [len(part) for part in each] == [len(fold) // 4] * 4
    assert len({address for part in each for address in part}) == 4 * (len(fold) // 4)
    with pytest.raises(
        KitError, match=r"'search' has 1 samples, of which each step takes 4; raise data\.samples"
    ):
        in_parts(context(spec("data.samples={train=2}")).fold("search"))
    few = replace(fold, addresses=fold.addresses[:3])
    with pytest.raises(
        KitError, match=r"^'search' has 3 samples, of which each step takes 4; give it more"
    ):
        in_parts(few)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["supernet=darcy"], "no supernet 'darcy'; did you mean 'darcy-flow'?"),
        (["supernet=ecg"], "supernet: its sizes [1000, 500, 250] change"),
        (
            ["supernet={channels=[[4],[6],[8]],sizes=[1,4,4],stack=[0,1,1]}"],
            "nobody can reach block 1 (6 channels)",
        ),
        (["architecture=[[[4,8],'basic_block',[],0,2]]"], "architecture, block 1: stride 2"),
        (
            ["architecture=[[[4,8],'basic_block',[],0,1],[[6,8],'basic_block',[],0,1]]"],
            "block 2: it takes 6 channels, and block 1 has 8",
        ),
        (["architecture=[[[4,8],'mbconv',[],0,1]]"], "mbconv"),
        (["architecture=[]"], "no list of blocks"),
    ],
)
def test_what_cannot_be_is_refused_at_once(overrides: list[str], said: str) -> None:
    with pytest.raises(KitError) as caught:
        spec(*overrides)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_given_architecture_is_the_network_at_once() -> None:
    info, found = method.find("densenas"), task.find("darcy-flow")
    file = architectures.released(info, "darcy-flow")[0]
    blocks = parse(Blocks().read(file.read_text()))
    assert [(block.inputs, block.outputs, block.stack) for block in blocks] == [
        *((32, 64, 0), (64, 96, 0))
    ]
    assert (
        DenseNas(settings("darcy-flow")).network(MetaContext(spec(), found, settings("darcy-flow")))
        is None
    )
