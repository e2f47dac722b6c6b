"""Every method found is held to ``kit.base.method``: each hook is called, and what it returns."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from inspect import signature
from itertools import product
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
import torch
from torch import nn

from kit import method, task
from kit.base.context import Context
from kit.base.method import Method, Outcome, load, method_class
from kit.base.sizes import MetaContext
from kit.base.trial import Trial
from kit.cli.preparing import prepare_task
from kit.data.folds import TaskData
from kit.data.new_task import SCORED
from kit.data.prepared import open_prepared
from kit.engines.execute import ExecuteOptions, execute
from kit.method import MethodInfo, architectures
from kit.metrics import Prediction
from kit.runs import inputs, trial_records
from kit.runs.folder import RunFolder
from kit.runs.records import StageRecord
from kit.settings import Settings
from kit.spec import PROFILES, PROTOCOLS, RunSpec, Tier
from kit.task import Task
from kit.training.checkpointer import Checkpointer

pytestmark = pytest.mark.long

HOOKS = [name for name, value in vars(Method).items() if callable(value) and name[0] != "_"]
# One of two axes and one of one axis; a method is tried on the first that it takes.
TASKS = ("darcy-flow", "ninapro", "deepsea")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def contract_data(smoke_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    shutil.copytree(smoke_data, folder, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_DATA", str(folder))
        for name in TASKS:
            prepare_task(task.find(name), "smoke", _tier(task.find(name)))
    return folder


@pytest.mark.parametrize("name", method.names())
def test_a_method_has_settings_for_every_kind_of_task_that_it_takes(name: str) -> None:
    info = method.find(name)
    axes: tuple[Literal[1, 2], ...] = (1, 2)
    for (kind, (loss, metrics)), dims in product(SCORED.items(), axes):
        own = Task(
            name="own",
            title="Own",
            dims=dims,
            sample_shape=(1, *[64] * dims),
            outputs=2,
            kind=kind,
            loss=f"{loss}:scale=1/1" if loss == "scaled-mse" else loss,
            metrics=metrics,
            unit="sample",
            version=1,
            licence="your own",
            citation="your own",
            tiers=("sample",),
            rules={"inputs": "constants", "mean": [0.0], "std": [1.0]},
        )
        if info.applies(own) is None:
            for protocol, profile in product(PROTOCOLS, PROFILES):
                info.settings(own, protocol, profile, "sample")


@pytest.mark.parametrize("name", method.names())
def test_every_hook_of_a_method(
    name: str, contract_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_DATA", str(contract_data))
    info = method.find(name)
    of_class = method_class(info)
    for hook in HOOKS:
        asked = list(signature(getattr(Method, hook)).parameters)
        assert list(signature(getattr(of_class, hook)).parameters) == asked, hook

    the_task = next(t for t in map(task.find, TASKS) if info.applies(t) is None)
    spec = info.spec(the_task, 0, protocol="clean", profile="smoke", tier=_tier(the_task))
    for other in inputs.specs(spec).values():
        assert execute(other, ExecuteOptions(device="cpu", threads=1)) is not None
    context = _context(info, spec, the_task)
    assert isinstance(context.settings, info.settings_type)
    with pytest.raises(ValueError, match="stage"):
        load(info, spec).run_stage("no such stage", context)
    assert not list((context.folder.path).rglob("*.json")), "it left something"

    meta = MetaContext(spec, the_task, context.settings)
    built = {}
    for hook in ("network", "supernet"):
        with torch.device("meta"):
            built[hook] = getattr(load(info, spec), hook)(meta)
        found = built[hook]
        assert found is None or isinstance(found, nn.Module), hook
        assert found is None or {each.device.type for each in found.parameters()} == {"meta"}

    for stage in info.stages:
        # Each by an instance of its own: a resumed run has another one.
        assert load(info, spec).run_stage(stage, context) is None
        msgspec.convert(context.output(stage)["cost"], StageRecord)
        assert not context.checkpointer(stage, 1).checkpoint.exists()

    finished = load(info, spec)
    _check_prediction(finished, context)
    _check_outcome(finished, context, info)
    trained = finished.trained(context)
    assert trained is None or isinstance(trained, nn.Module)
    if built["network"] is not None:
        assert trained is not None
        assert _shapes(trained) == _shapes(built["network"])
    _check_trials(finished, context, info)


def _check_trials(finished: Method[Settings], context: Context, info: MethodInfo) -> None:
    """An instance that has seen nothing but the run's folder scores a trial as it was scored."""
    run = context.folder.path
    for stage in info.stages:
        for record in list(trial_records.read(trial_records.file_of(run, stage)).values())[:1]:
            fresh, first = run / "again", record.scores[0]
            checkpointer = Checkpointer(
                stage, context.spec, fresh, fresh / "history.jsonl", trial=record.number
            )
            trial = Trial(stage, record.number, record.configuration, first.epochs, checkpointer)
            assert finished.run_trial(context, trial) == first.value
    if type(finished).run_trial is Method.run_trial:
        nothing: Any = None
        assert not (run / "trials").exists()
        with pytest.raises(NotImplementedError, match="has no run_trial"):
            finished.run_trial(context, nothing)


def _check_prediction(finished: Method[Settings], context: Context) -> None:
    batch = next(context.fold("test").batches(2))
    said = finished.predictor(context)(batch)
    assert isinstance(said, Prediction)
    if context.task.kind == "dense":
        assert said.values.shape == batch.y.shape
    else:
        assert len(said.values) == len(batch.y)
        assert said.kind == "labels" or said.values.shape == (len(batch.y), context.task.outputs)
    assert said.values.isfinite().all()


def _check_outcome(finished: Method[Settings], context: Context, info: MethodInfo) -> None:
    outcome = finished.outcome(context)
    assert isinstance(outcome, Outcome)
    for size in (outcome.parameters, outcome.macs):
        assert size is None or (type(size) is int and size >= 0)
    for file, form in outcome.artifacts:
        assert (context.folder.path / file).is_file()
        assert form
    found, kind = outcome.architecture, info.architecture
    assert (found is None) == (kind is None)
    if found is None or kind is None:
        return
    assert (found.kind, found.version) == (kind.name, kind.version)
    value = msgspec.json.decode(msgspec.json.encode(found.value))
    kind.check(value)
    assert kind.likeness(value, value) == 1
    assert kind.describe(value, context.spec, context.task).strip()
    assert kind.sketch(value) is None or str(kind.sketch(value)).count("<svg") == 1
    if "architecture" in info.settings_type.__struct_fields__:
        given = info.spec(
            context.task,
            0,
            protocol="clean",
            profile="smoke",
            tier=context.spec.tier,
            overrides=[
                architectures.override(info, str(_file(context, value)), context.task.name, 0)
            ],
        )
        other = _context(info, given, context.task)
        load(info, given).run_stage(info.stages[0], other)
        assert other.output(info.stages[0])["cost"]["active_seconds"] < 1, "it searched"


def _file(context: Context, value: object) -> Path:
    file = context.folder.path / "given.json"
    file.write_bytes(msgspec.json.encode(value))
    return file


def _context(info: MethodInfo, spec: RunSpec, the_task: Task) -> Context:
    data = TaskData(the_task, open_prepared(the_task, spec.tier, "smoke"), torch.device("cpu"))
    of = load(info, spec)
    return Context(spec, the_task, of.settings, data, RunFolder(spec), run_trial=of.run_trial)


def _tier(the_task: Task) -> Tier:
    return next(tier for tier in the_task.tiers if tier in ("synthetic", "regenerated"))


def _shapes(network: nn.Module) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in network.state_dict().items()}
