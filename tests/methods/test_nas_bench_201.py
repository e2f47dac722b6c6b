"""NAS-Bench-201: cells trained as by a loop written out; subsets, parts, the table of a run."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from kit import method, task
from kit.base.context import Context
from kit.base.method import load
from kit.base.trial import folder_of
from kit.cli.preparing import prepare_task
from kit.data.folds import TaskData
from kit.data.prepared import open_prepared
from kit.errors import KitError
from kit.methods.nas_bench_201 import collect
from kit.methods.nas_bench_201.info import METHOD, NasBench201Settings
from kit.runs.folder import RunFolder
from kit.seeding import key
from kit.settings import FITTED_ON
from kit.spaces.nas_bench_201 import Cell, CellNetwork, files
from kit.spaces.nas_bench_201.cell import CLASSES, COUNT, classes
from kit.spec import Protocol, Tier


def context(name: str, *overrides: str) -> Context:
    """A smoke run under 'released', its data made."""
    torch.set_num_threads(1)
    the_task = task.find(name)
    tier: Tier = the_task.tiers[-1]
    prepare_task(the_task, "smoke", tier)
    spec = METHOD_INFO.spec(
        the_task, 777, protocol="released", profile="smoke", tier=tier, overrides=overrides
    )
    data = TaskData(the_task, open_prepared(the_task, tier, "smoke"), torch.device("cpu"))
    of = load(METHOD_INFO, spec)
    return Context(spec, the_task, of.settings, data, RunFolder(spec), run_trial=of.run_trial)


METHOD_INFO = method.find("nas-bench-201")


def by_hand(run: Context, cell: Cell) -> list[dict[str, float]]:
    """The recipe of the precompute, written out: what is measured after each epoch."""
    settings: Any = run.settings
    torch.manual_seed(key(777, "network"))
    network = CellNetwork(
        cell,
        run.input_shape[0],
        run.task.outputs,
        dims=run.task.dims,
        dense=run.task.dense,
        channels=settings.channels,
        cells=settings.cells,
    )
    sgd = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    fit, test = run.fold("final_fit"), run.fold("test")
    dense = run.task.dense

    def relative(answer: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        gap = (answer - y).flatten(1).norm(dim=1)
        return gap / y.flatten(1).norm(dim=1)

    found = []
    for epoch in range(settings.epochs):
        for group in sgd.param_groups:
            group["lr"] = 0.05 * (1 + math.cos(math.pi * epoch / settings.epochs))
        network.train()
        losses, right = 0.0, 0.0
        for batch in fit.shuffled(settings.batch_size, 777, "cells", epoch):
            sgd.zero_grad()
            answer = fit.targets.decode(network(batch.x))
            loss = (
                relative(answer, batch.y).sum() / len(batch.x)
                if dense
                else nn.CrossEntropyLoss()(answer, batch.y.long())
            )
            loss.backward()
            sgd.step()
            losses += loss.item() * len(batch.x)
            if dense:
                right += (1 - loss.item()) * len(batch.x)
            else:
                right += 100 * float((answer.argmax(1) == batch.y).sum())
        network.eval()
        total, wrong = 0.0, 0.0
        with torch.no_grad():
            for batch in test.batches(settings.batch_size):
                answer = test.targets.decode(network(batch.x))
                if dense:
                    total += float(relative(answer, batch.y).sum())
                else:
                    total += float(F.cross_entropy(answer, batch.y.long())) * len(batch.x)
                    wrong += float((answer.argmax(1) != batch.y).sum())
        accuracy = 1 - total / len(test) if dense else 100 - 100 * wrong / len(test)
        found.append(
            {
                "train-loss": losses / len(fit),
                "train-accuracy": right / len(fit),
                "valtest-loss": total / len(test),
                "valtest-accuracy": accuracy,
            }
        )
    return found


@pytest.mark.parametrize("name", ["darcy-flow", "ninapro"])
@pytest.mark.usefixtures("own_darcy")
def test_cells_are_trained_as_by_a_loop_written_out(name: str) -> None:
    run = context(name)
    load(METHOD_INFO, run.spec).run_stage("cells", run)
    table = files.read(run.artifacts / "cells.parquet")
    assert (table.header.task, table.header.seed, table.sets) == (name, 777, ("valtest",))
    assert table.header.full == (1 if name == "darcy-flow" else 100)
    trained = run.settings.trained()  # type: ignore[attr-defined]
    assert sorted(set(table.trained.tolist())) == trained
    for number in trained:
        for epoch, expected in enumerate(by_hand(run, Cell.of(number))):
            answer = table.info(number, epoch)
            # The losses are sums of the same float32 losses: the weights were the same to the bit.
            assert answer["train-loss"] == expected["train-loss"]
            for measure, value in expected.items():
                assert answer[measure] == pytest.approx(value, rel=2e-7), measure
    for number in table.cells.tolist():
        assert table.info(number) == table.info(classes()[number])
    best = Cell.parse(run.output("cells")["cell"])
    assert table.score(best.index) == max(table.score(each) for each in trained)


@pytest.mark.usefixtures("darcy")
def test_a_killed_run_trains_no_cell_twice() -> None:
    run = context("darcy-flow")
    load(METHOD_INFO, run.spec).run_stage("cells", run)
    first = folder_of(run.folder.path, "cells", 0) / "history.jsonl"
    content = (run.artifacts / "cells.parquet").read_bytes()
    before = first.read_bytes()
    records = run.folder.path / "trials" / "cells.jsonl"
    lines = records.read_bytes().splitlines(keepends=True)
    records.write_bytes(b"".join(lines[:2]) + lines[2][:10])  # torn by a crash
    (run.folder.path / "stages" / "cells.json").unlink()
    load(METHOD_INFO, run.spec).run_stage("cells", run)
    assert first.read_bytes() == before
    again = files.read(run.artifacts / "cells.parquet")
    assert len(content)
    for record in map(json.loads, records.read_bytes().splitlines()):
        assert record["scores"]
    assert again.info(again.cells[0])["train-loss"] is not None


def settings(*overrides: str) -> NasBench201Settings:
    found = METHOD_INFO.settings(task.find("ninapro"), "released", "paper", "published", overrides)
    assert isinstance(found, NasBench201Settings)
    return found


def test_which_cells_are_trained() -> None:
    assert len(settings().trained()) == CLASSES
    assert settings('train="all"').trained() == [*range(COUNT)]
    few = settings("subset=20").trained()
    assert len(few) == 20
    assert set(few) <= set(classes())
    parts = [settings("subset=20", f"part=[{n},3]").trained() for n in (1, 2, 3)]
    assert sorted(number for part in parts for number in part) == few
    told = {collect.note(settings("subset=20", f"part=[{n},3]")) for n in (1, 2, 3)}
    assert [each[-46:] for each in told] == ["A fixed random subset, 20 of the 6466 classes."]
    drawn = settings("subset=2").trained()
    near = settings("subset=2", "neighbours=true").trained()
    every = [Cell.of(each) for each in drawn]
    every += [other for each in drawn for other in Cell.of(each).neighbours()]
    assert near == sorted({classes()[each.index] for each in every})
    own = settings("subset=1", "neighbours=true", 'train="all"').trained()
    (centre,) = settings("subset=1", 'train="all"').trained()
    assert len(own) == 25
    differences = [
        sum(
            a != b
            for a, b in zip(Cell.of(each).operations, Cell.of(centre).operations, strict=True)
        )
        for each in own
    ]
    assert sorted(differences) == [0] + [1] * 24
    with pytest.raises(KitError, match="there is no part 4 of 3"):
        settings("part=[4,3]")
    with pytest.raises(KitError, match="too few cells for a part 21"):
        settings("subset=20", "part=[21,30]")
    with pytest.raises(KitError, match="there are 6,466 cells to draw from; 0 trains all"):
        settings("subset=6467")
    assert len(settings("subset=6467", "train=all").trained()) == 6467
    with pytest.raises(KitError, match="architecture: node 1"):
        settings('architecture="|x~0|+|none~0|none~1|+|none~0|none~1|none~2|"')


def test_the_protocols_score_on_other_samples() -> None:
    the_task = task.find("ninapro")
    clean = METHOD_INFO.settings(the_task, "clean", "paper", "published")
    assert isinstance(clean, NasBench201Settings)
    assert (settings().scored, clean.scored) == ("test", "tune_val")
    assert METHOD.stages == METHOD_INFO.stages


@pytest.mark.parametrize("protocol", ["released", "clean"])
@pytest.mark.parametrize("name", task.names())
def test_scores_are_normalised_as_what_the_best_network_learnt_from(
    name: str, protocol: Protocol
) -> None:
    found = METHOD_INFO.settings(task.find(name), protocol, "paper", "published")
    assert isinstance(found, NasBench201Settings)
    learnt = "final_fit" if found.scored == "test" else "tune_fit"
    assert found.data.folds(FITTED_ON["test"]) == found.data.folds(learnt)
