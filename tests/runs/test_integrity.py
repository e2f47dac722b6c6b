"""Edited results and histories are found out; scores stay within what their metric can have."""

from __future__ import annotations

import json
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest

import kit.metrics
from kit import paths
from kit.results.verify import verify
from kit.runs.folder import RunFolder, read_result
from kit.runs.ranges import RANGES
from tests.conftest import Run
from tests.made_runs import make_run


@pytest.fixture
def folder() -> RunFolder:
    return RunFolder(make_run(digest=True).spec)


def problems() -> list[str]:
    return [problem.text for problem in verify(paths.runs()).problems]


def edit(folder: RunFolder, *path: str | int, to: Any) -> None:
    document = json.loads(folder.result.read_text())
    place = document
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = to
    folder.result.write_text(json.dumps(document))


EDITS: list[tuple[tuple[str | int, ...], Any]] = [
    (("metrics", "relative-l2", "value"), 0.11),
    (("metrics", "relative-l2", "n_undefined"), 1),
    (("stages", "retrain", "active_seconds"), 12.6),
    (("architecture", "value", 0, 1), 9),
    (("spec", "settings", "batch_size"), 3),
    (("parameters",), 1234568),
    (("code_hash",), "e" * 64),
    (("provenance", "data"), "e" * 64),
    (("provenance", "device"), "GPU"),
    (("history",), None),
    (("digest",), "0" * 64),
]


@pytest.mark.parametrize(("path", "value"), EDITS, ids=lambda each: str(each))
def test_an_edited_result_counts_as_absent(
    folder: RunFolder, path: tuple[str | int, ...], value: Any
) -> None:
    assert problems() == []
    edit(folder, *path, to=value)
    with pytest.raises(ValueError, match="was changed since the run wrote it"):
        read_result(folder.result)
    assert len(problems()) == 1


def test_other_white_space_and_order_are_no_edit(folder: RunFolder) -> None:
    result, document = read_result(folder.result), json.loads(folder.result.read_text())
    folder.result.write_text(json.dumps(dict(reversed(document.items()))))
    assert read_result(folder.result) == result


def test_a_history_that_was_cut_edited_or_removed_is_found(folder: RunFolder) -> None:
    content = folder.history.read_bytes()
    for changed in (content[:-40], content.replace(b"0.5", b"0.4"), b""):
        assert changed != content
        folder.history.write_bytes(changed)
        assert problems() == [
            "history.jsonl was changed since the run ended: it has another SHA-256"
        ]
    folder.history.unlink()
    assert problems() == ["history.jsonl is missing"]
    folder.history.write_bytes(content)
    assert problems() == []


def test_results_without_a_digest_are_read_and_marked(kit: Run) -> None:
    old = make_run(seed=1)
    whole = verify(paths.runs())
    assert (whole.problems, whole.undigested) == ([], [old.spec.folder])
    done = kit("results", "verify")
    assert done.returncode == 0
    assert f"{old.spec.folder}: no digest" in done.stdout
    make_run(seed=2, digest=True)
    shown = json.loads(kit("results", "verify", "--format", "json").stdout)
    assert (len(shown["whole"]), shown["undigested"]) == (2, [str(old.spec.folder)])


# What no run can have measured, and what one can.
WRONG: list[tuple[str, str, float]] = [
    ("relative-l2", "fraction", -5.0),
    ("relative-l2", "fraction", 1e308),
    ("relative-l2/batch-mean", "fraction", -0.1),
    ("zero-one-error", "%", 130.0),
    ("zero-one-error", "%", -1.0),
    ("false-negative-rate", "%", 100.1),
    ("one-minus-auroc", "fraction", 1.5),
    ("one-minus-f1/challenge", "fraction", 1.5),
    ("one-minus-map", "fraction", 2.0),
    ("mae8", "angstrom", -0.1),
    ("of-some-other-kit", "fraction", 1e308),
]


@pytest.mark.parametrize(("name", "unit", "value"), WRONG)
def test_scores_that_their_metric_cannot_have_are_refused(
    name: str, unit: str, value: float
) -> None:
    folder = RunFolder(make_run().spec)
    metric = json.loads(folder.result.read_text())["metrics"]["relative-l2"]
    edit(folder, "metrics", to={name: {**metric, "unit": unit, "value": value}})
    with pytest.raises(ValueError, match=f"{name} is .* not within"):
        read_result(folder.result)
    assert len(problems()) == 1


@pytest.mark.parametrize(
    ("path", "to", "shown"),
    [
        (("provenance", "device"), "a\x1b[2J", r"a\x1b[2J"),
        (("metrics", "relative-l2", "unit"), "%\nmore", r"%\nmore"),
        (("provenance", "torch"), "2.13\x7f", r"2.13\x7f"),
        (("architecture", "value", 0, 0), "\u202econv", r"\u202econv"),
        (("spec", "settings"), {"x\x07": 1}, r"x\x07"),
    ],
)
def test_words_that_would_tell_a_terminal_something_are_refused(
    folder: RunFolder, path: tuple[str | int, ...], to: Any, shown: str
) -> None:
    edit(folder, *path, to=to)
    edit(folder, "digest", to=None)
    with pytest.raises(ValueError, match=re.escape(f"'{shown}' has signs that cannot be printed")):
        read_result(folder.result)


@pytest.mark.parametrize("text", ["1e999", "Infinity", "-1e400", "NaN"])
def test_numbers_that_are_none_are_refused(text: str) -> None:
    folder = RunFolder(make_run(value=0.125).spec)
    folder.result.write_text(folder.result.read_text().replace("0.125", text))
    with pytest.raises(ValueError, match=r"."):
        read_result(folder.result)


@pytest.mark.parametrize(
    ("name", "unit", "value"),
    [
        ("zero-one-error", "%", 100.0),
        ("zero-one-error", "%", 0.0),
        ("one-minus-auroc", "fraction", 1.0000000000000002),
        ("relative-l2", "fraction", 1e6),
        ("relative-l2", "fraction", None),
        ("mae8", "angstrom", 99.0),
    ],
)
def test_scores_at_the_ends_are_read(name: str, unit: str, value: float | None) -> None:
    folder = RunFolder(make_run().spec)
    metric = json.loads(folder.result.read_text())["metrics"]["relative-l2"]
    edit(folder, "metrics", to={name: {**metric, "unit": unit, "value": value}})
    assert read_result(folder.result).metrics[name].value == value


@pytest.mark.parametrize("name", ["n_undefined", "n_units"])
def test_nothing_is_counted_below_none(name: str) -> None:
    folder = RunFolder(make_run().spec)
    edit(folder, "metrics", "relative-l2", name, to=-1)
    with pytest.raises(ValueError, match="-1 un"):
        read_result(folder.result)


def test_more_labels_than_units_can_be_undefined() -> None:
    """Of 200 labels most occur in none of a few clips."""
    folder = RunFolder(make_run().spec)
    edit(folder, "metrics", "relative-l2", "n_undefined", to=192)
    assert read_result(folder.result).metrics["relative-l2"].n_undefined == 192


def test_every_metric_has_a_range() -> None:
    modules = {
        module.name.replace("_", "-") for module in pkgutil.iter_modules(kit.metrics.__path__)
    }
    assert set(RANGES) >= {name for name in modules if has_evaluator(name)}


def has_evaluator(name: str) -> bool:
    (root,) = kit.metrics.__path__
    return "class Evaluator" in Path(root, f"{name.replace('-', '_')}.py").read_text()
