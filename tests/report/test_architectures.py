"""Architectures in reports: shown by the method of the run, and those that nobody knows as data."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kit import paths
from kit.errors import KitError
from kit.files import write_json
from kit.report import architectures
from kit.report.figures import architecture
from kit.report.html.runs import find
from kit.runs.collect import collect
from kit.runs.folder import RunFolder
from kit.runs.records import ArchitectureRecord, Result
from tests.made_runs import make_run


def changed(result: Result, **changes: Any) -> Result:
    """The result with another architecture, on disk too."""
    assert result.architecture is not None
    found = msgspec.structs.replace(result.architecture, **changes)
    made = msgspec.structs.replace(result, architecture=found)
    write_json(RunFolder(made.spec).result, made)
    return made


FOREIGN: dict[str, dict[str, Any]] = {
    "another kind": {"kind": "genotype", "value": {"normal": [["sep_conv_3x3", 0]]}},
    "a later version": {"version": 9},
    "no list": {"value": "none"},
    "an odd layer": {"value": [["a", -3, 1]]},
    "markup": {"kind": "<script>", "value": "<script>alert(1)</script>"},
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_not_known_is_shown_as_such(name: str) -> None:
    made = changed(make_run(), **FOREIGN[name])
    assert architectures.known(made) is None
    assert architectures.describe(made) == ""
    (run,) = find(paths.runs(), collect())
    assert (run.drawing, run.notation) == (None, "")
    assert made.architecture is not None
    assert msgspec.json.decode(run.architecture_text) == made.architecture.value
    found = architecture.make(run.folder)
    assert found.architecture.kind in architecture.text(found)
    with pytest.raises(KitError, match="which its method here cannot draw"):
        architecture.draw(run.folder)


def test_a_method_or_settings_of_another_kit() -> None:
    made = make_run()
    other = msgspec.structs.replace(made.spec, method="gone")
    assert architectures.known(msgspec.structs.replace(made, spec=other)) is None
    less = msgspec.structs.replace(made.spec, settings={})
    assert architectures.known(msgspec.structs.replace(made, spec=less)) is not None
    assert architectures.describe(msgspec.structs.replace(made, spec=less)) == ""


def test_runs_are_alike_by_their_kind() -> None:
    one, other = make_run(seed=0), make_run(seed=1)
    assert architectures.likeness(one, other) == 1
    assert one.architecture is not None
    fewer = changed(other, value=one.architecture.value[:-1])
    assert architectures.likeness(one, fewer) == pytest.approx(12 / 13)
    foreign = changed(other, kind="genotype")
    assert architectures.likeness(one, foreign) == 0
    assert architectures.likeness(foreign, foreign) == 1
    nothing = msgspec.structs.replace(one, architecture=None)
    with pytest.raises(KitError, match="there is no architecture to compare"):
        architectures.likeness(one, nothing)


def test_trees_are_told_and_drawn_as_a_line() -> None:
    made = make_run(method_name="xgboost")
    value = {"rounds": 3, "depth": 3, "features": 8, "trees": "one-per-output"}
    found = ArchitectureRecord(kind="trees", version=1, value=value)
    made = msgspec.structs.replace(made, architecture=found)
    write_json(RunFolder(made.spec).result, made)
    told = "3 rounds of trees of depth 3, one for each output, of 8 features"
    assert architecture.text(architecture.make(RunFolder(made.spec).path)).endswith(f"{told}\n")
    (axes,) = architecture.draw(RunFolder(made.spec).path).axes
    assert told in axes.texts[0].get_text()
