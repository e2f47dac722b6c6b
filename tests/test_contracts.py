"""Contract tests: every task and method folder found is held to the contracts by existing."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch

import kit
from kit import method, metrics, papers, task
from kit.backbones import backbone
from kit.base.method import method_class
from kit.data import raw
from kit.data.folds import TaskData
from kit.data.prepared import open_prepared
from kit.data.preparing import prepare
from kit.errors import KitError
from kit.settings import Settings
from kit.spec import PROFILES, PROTOCOLS, Profile, Protocol
from kit.training.losses import loss

PAIRS = [(t, m) for t in task.names() for m in method.names()]


@pytest.mark.parametrize("name", task.names())
def test_task_states_its_facts(name: str) -> None:
    found = task.find(name)
    assert found.name == name == found.folder.name.replace("_", "-")
    assert len(found.sample_shape) == found.dims + 1
    assert found.version >= 1
    assert found.tiers
    assert found.licence
    assert found.citation
    assert (found.folder / "README.md").exists()
    loss(found.loss)
    for metric in found.metrics:
        metrics.evaluator(metric, found)


@pytest.mark.parametrize("name", task.names())
def test_task_prepares_folds_that_do_not_leak(name: str, request: pytest.FixtureRequest) -> None:
    """The check against leaks runs in ``write_prepared``; here every fold is opened besides."""
    found = task.find(name)
    if name == "darcy-flow":  # made already
        request.getfixturevalue("darcy")
    tier = next(tier for tier in found.tiers if not raw.missing(found, tier))
    try:
        prepared = open_prepared(found, tier, "smoke")
    except KitError:
        prepare(found, tier, "smoke")
        prepared = open_prepared(found, tier, "smoke")
    assert prepared.damaged() == []
    settings = method.find("wrn").settings(found, "clean", "smoke", tier)
    data = TaskData(found, prepared, torch.device("cpu"))
    for role in ("search", "tune_fit", "tune_val", "final_fit", "test"):
        fold = data.fold(role, settings.data)
        shape = settings.data.input_shape(found.sample_shape)
        if fold.training or settings.data.window == 0:
            assert fold.input_shape == shape
        else:  # Evaluation may show whole records.
            assert fold.input_shape[0] == shape[0]
            assert all(have >= want for have, want in zip(fold.input_shape, shape, strict=True))
        assert fold.samples.x.dtype == torch.float32
        assert fold.samples.x.isfinite().all()


@pytest.mark.parametrize("name", method.names())
def test_method_states_its_facts(name: str) -> None:
    found = method.find(name)
    assert found.name == name == found.folder.name.replace("_", "-")
    assert found.version >= 1
    assert found.stages
    method_class(found)


@pytest.mark.parametrize(("task_name", "method_name"), PAIRS)
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_settings_resolve(
    task_name: str, method_name: str, profile: Profile, protocol: Protocol
) -> None:
    found, info = task.find(task_name), method.find(method_name)
    if info.applies(found) is not None:
        return
    for tier in found.tiers:
        settings = info.settings(found, protocol, profile, tier)
        assert isinstance(settings, Settings)
        if protocol == "clean":  # else its errors would be those of other samples than others'
            others = method.find("constant").settings(found, protocol, profile, tier)
            assert settings.data.load == others.data.load
        if name := getattr(settings, "backbone", None):
            backbone(name)


def test_published_methods_and_tasks_are_known_words() -> None:
    for paper in papers.papers():
        for number in papers.tables(paper):
            places = set(papers.layout(paper, number).all_keys())
            assert {cell.key for cell in papers.published(paper, number)} <= places


def test_nothing_but_methods_and_papers_names_a_task() -> None:
    """A new task folder needs no other change; the paper's speed tests are on data of their own."""
    package = Path(kit.__file__).parent
    tasks = {name for name in task.names() if papers.has_task(name)}
    assert len(tasks) == 10
    names = tasks | {name.replace("-", "_") for name in tasks}
    for file in package.rglob("*.py"):
        if file.relative_to(package).parts[0] in ("methods", "papers"):
            continue
        words = {
            node.value
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        assert not words & names, file
