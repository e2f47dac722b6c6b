"""Architecture files, as a user brings them: each mistake is one line with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kit import Architecture, method, task
from kit.architecture import LARGEST_FILE, load
from kit.errors import KitError
from kit.method import architectures
from kit.search.kernel_dilation import KernelDilation
from kit.spaces.darts.genotype import Genotype
from tests.conftest import Run

KIND = KernelDilation()
VALUE = [["conv1", 5, 3], ["blocks.0.conv1", 3, 1]]
RECORD = {"kind": "kernel-dilation", "version": 1, "value": VALUE}


@pytest.mark.parametrize(
    "content",
    [VALUE, RECORD, {"schema": 1, "architecture": RECORD}, {"schema": 2, "architecture": RECORD}],
)
def test_a_list_a_record_and_a_result_are_read(tmp_path: Path, content: Any) -> None:
    file = tmp_path / "found.json"
    file.write_text(json.dumps(content))
    assert load(file, KIND) == VALUE


def test_the_mark_that_editors_write_before_text_is_none(tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    for content in (VALUE, RECORD):
        file.write_text(json.dumps(content), encoding="utf-8-sig")
        assert load(file, KIND) == VALUE
    file.write_text(json.dumps(VALUE), encoding="utf-8-sig")
    assert Architecture.load(file).choices == {"conv1": (5, 3), "blocks.0.conv1": (3, 1)}


BAD = {
    "empty": (b"", "truncated"),
    "no JSON": (b"conv1 5 3", "malformed"),
    "no text": (b"\xff\xfe\x00", "it is no text"),
    "nothing": (b"[]", r"no list of \[layer, kernel size, dilation\]"),
    "a number": (b"3", "no list of"),
    "a table": (b'{"conv1": [5, 3]}', "no list of"),
    "too short": (b'[["conv1", 5, 3], ["b", 5]]', "entry 2 is no"),
    "no list inside": (b'["conv1"]', "entry 1 is no"),
    "no name": (b"[[7, 5, 3]]", "entry 1: the name of a layer is text, not 7"),
    "an empty name": (b'[["", 5, 3]]', "entry 1: the name"),
    "twice": (b'[["a", 5, 3], ["b", 3, 1], ["a", 5, 3]]', 'entry 3: layer "a" is there twice'),
    "text for a size": (b'[["a", "5", 3]]', 'layer "a": the kernel size is .* not "5"'),
    "a fraction": (b'[["a", 5.5, 3]]', "the kernel size is a whole number"),
    "a truth": (b'[["a", true, 3]]', "the kernel size is .* not true"),
    "null": (b'[["a", 5, null]]', "the dilation is .* not null"),
    "zero": (b'[["a", 5, 0]]', "the dilation is a whole number from 1 to"),
    "huge": (b'[["a", 99999999999999999999999, 1]]', "the kernel size is"),
    "negative": (b'[["a", -3, 1]]', "the kernel size is"),
    "deep": (b"[" * 100_000, "nested too deeply"),
    "deep table": (b'{"architecture":' * 50_000, "nested too deeply"),
    "large": (b" " * (LARGEST_FILE + 1), "larger than 1 MiB"),
    "of a run without": (b'{"schema": 2, "architecture": null}', "a run that searched nothing"),
    "a list for a record": (b'{"architecture": [1]}', "Expected `object`"),
    "of another kind": (
        b'{"architecture": {"kind": "trees", "version": 1, "value": {}}}',
        "of kind 'trees', version 1; 'kernel-dilation', version 1, is needed",
    ),
    "of a later version": (b'{"kind": "kernel-dilation", "version": 2, "value": []}', "version 2"),
    "a record's key twice": (
        b'{"kind": "kernel-dilation", "version": 1, "value": [["a", 3, 1]], "value": []}',
        "'value' is there twice in one table; leave one",
    ),
    "half a record": (b'{"kind": "kernel-dilation"}', "missing required field `version`"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_one_line_with_the_file(tmp_path: Path, name: str) -> None:
    content, words = BAD[name]
    file = tmp_path / "found.json"
    file.write_bytes(content)
    with pytest.raises(KitError, match=words) as error:
        load(file, KIND)
    told = str(error.value)
    assert told.startswith(f"{file}: ")
    assert "\n" not in told
    assert len(told) < 400


@pytest.mark.parametrize("name", sorted(method.names()))
def test_no_kind_takes_the_last_of_two_values(tmp_path: Path, name: str) -> None:
    kind = method.find(name).architecture
    if kind is None:
        pytest.skip("it has no architectures")
    file = tmp_path / "found.json"
    file.write_text('{"path": [1], "cell": [], "normal": [], "path": [2], "normal": [1]}')
    with pytest.raises(KitError, match=r"is there twice in one table|no \[\[inputs"):
        load(file, kind)


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(KitError, match="Is a directory"):
        load(tmp_path, KIND)
    with pytest.raises(KitError, match="No such file"):
        load(tmp_path / "none.json", KIND)


def test_nothing_starts_with_a_bad_file(kit: Run, home: Path, tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    file.write_text('[["conv1", 4, 1]]')
    run = ("run", "darcy-flow", "dash", "--profile", "smoke", "--tier", "regenerated")
    done = kit(*run, "--architecture", str(file))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"{file}: -o: kernel size 4 is even" in done.stderr
    done = kit(*run, "--architecture", "released")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "method dash has no released architecture for darcy-flow, seed 0" in done.stderr
    assert not (home / "results").exists()


def test_a_genotype_is_one_setting_in_all_of_its_forms(tmp_path: Path) -> None:
    info = method.find("darts-gaea")
    released = architectures.override(info, "released", "darcy-flow", 0)
    value = json.loads(architectures.released(info, "darcy-flow")[0].read_text())
    cells = {name: value[name] for name in ("reduce", "normal")}
    record = {"kind": "genotype", "version": 1, "value": {**cells, "dims": None}}
    forms = [json.dumps(value), json.dumps(cells), json.dumps(record), Genotype.of(value).text()]
    for number, text in enumerate(forms):
        file = tmp_path / f"{number}.txt"
        file.write_text(text)
        assert architectures.override(info, str(file), "darcy-flow", 0) == released
    with pytest.raises(KitError, match="2D networks, and these samples are 1D"):
        info.settings(task.find("ecg"), "clean", "smoke", "synthetic", [released])


def test_names_of_layers_survive_the_way_into_a_setting(tmp_path: Path) -> None:
    names = ['a"b', "a.b", "größe", "back\\slash", "new\nline", "a]b = {", "'"]
    file = tmp_path / "found.json"
    file.write_text(json.dumps([[name, 3, 1] for name in names]))
    info = method.find("dash")
    override = architectures.override(info, str(file), "darcy-flow", 0)
    settings = info.settings(task.find("darcy-flow"), "clean", "smoke", "regenerated", [override])
    assert list(settings.architecture) == names  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        (VALUE, VALUE, 1),
        (VALUE, VALUE[::-1], 1),
        (VALUE, VALUE[:1], 0.5),
        (VALUE, [["conv1", 5, 3], ["blocks.0.conv1", 3, 7]], 0.5),
        (VALUE, [["other", 5, 3]], 0),
    ],
)
def test_likeness_counts_layers_that_are_the_same(one: Any, other: Any, share: float) -> None:
    assert KIND.likeness(one, other) == share
    assert KIND.likeness(other, one) == share


def test_a_sketch_shows_no_markup_of_others() -> None:
    sketch = KIND.sketch([["<script>&\"'", 3, 1]])
    assert sketch is not None
    assert "<script" not in sketch[0]
    assert KIND.sketch([["a", 5000, 1]]) is None


def test_the_kind_draws_by_itself() -> None:
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    KIND.draw(axes, VALUE, None, None)
    assert len(axes.lines) == 2
    assert KIND.describe(VALUE, None, None) == "conv1 (5,3)\nblocks.0.conv1 (3,1)\n"
