"""``kit lookup`` and ``kit cells``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import nats_bench
import numpy as np
import pytest

from kit import paths
from kit.spaces.nas_bench_201 import write
from tests.conftest import Run
from tests.spaces.nas_bench_201.made import table

TOY = Path(__file__).parents[1] / "spaces" / "nas_bench_201" / "toy.pickle.pbz2"


def test_from_an_archive_to_a_look_up_and_back(kit: Run, tmp_path: Path) -> None:
    done = kit("cells", "import", str(TOY))
    assert done.returncode == 0, done.stderr
    assert "ninapro-12-777.parquet: 6 cells" in done.stdout
    again = kit("cells", "import", str(TOY))
    assert again.returncode == 2
    assert "is here already; nothing was taken over" in again.stderr

    found = json.loads(kit("lookup", "ninapro-12", "0", "--epoch", "3", "--format", "json").stdout)
    assert (found["valtest-accuracy"], found["train-all-time"]) == (20.0, 2.006)
    text = kit("lookup", "ninapro-200-777", found["string"]).stdout
    assert "valtest-accuracy" in text
    assert "6 of 15625" in kit("lookup", "ninapro-12").stdout
    assert kit("lookup", "ninapro-12", "--best").returncode == 0

    archive = tmp_path / "a.pickle.pbz2"
    done = kit("cells", "export", "ninapro-12", "ninapro-200", "--to", str(archive))
    assert done.returncode == 0, done.stderr
    api = nats_bench.create(str(archive), "tss", verbose=False)
    assert api.get_more_info(0, "ninapro", 3, hp="12")["valtest-accuracy"] == 20.0

    for words, said in (
        (("ninapro",), "there are several tables of ninapro"),
        (("nothing",), "there is no table 'nothing'"),
        (("ninapro-12", "15625"), "numbered from 0 to 15624, not 15625"),
        (("ninapro-12", "|x~0|"), "3 nodes besides its input"),
        (("ninapro-12", "77"), "is not in the table"),
        (("ninapro-12", "0", "--epoch", "12"), "epochs are numbered from 0 to 11"),
        (("ninapro-12", "0", "--best"), "either a CELL or --best"),
        (("ninapro-12", "--epoch", "3"), "give a CELL, or --best"),
        ((str(TOY),), "no whole Parquet file"),
    ):
        done = kit("lookup", *words)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert said in done.stderr


def test_anybodys_table_is_shown_as_json_and_text_that_are_whole(kit: Run, tmp_path: Path) -> None:
    found = table(range(3), epochs=2)
    found.curves["train-loss"][1] = np.inf
    header = msgspec.structs.replace(found.header, note="\x1b[2J", provenance={"by\n": "\u202e"})
    file = tmp_path / "t.parquet"
    write(replace(found, header=header), file)
    shown = json.loads(kit("lookup", str(file), "1", "--format", "json").stdout, parse_constant=int)
    assert (shown["train-loss"], shown["valtest-loss"] is None) == (None, False)
    text = kit("lookup", str(file)).stdout
    assert [line.split() for line in text.splitlines()[-2:]] == [
        ["note", "\\x1b[2J"],
        ["by\\n", "\\u202e"],
    ]


def test_parts_are_merged_and_contradictions_refused(kit: Run, tmp_path: Path) -> None:
    whole = table(range(10), epochs=2)
    other = table(range(10), epochs=2)
    other.curves["train-loss"][4] += 1
    parts = {"a": whole.of(range(6)), "b": whole.of(range(4, 10)), "c": other}
    files = {name: tmp_path / f"{name}.parquet" for name in parts}
    for name, part in parts.items():
        write(part, files[name])
    to = tmp_path / "whole.parquet"
    done = kit("cells", "merge", str(files["a"]), str(files["b"]), "--to", str(to))
    assert done.returncode == 0, done.stderr
    assert "10 cells, all valid" in kit("cells", "verify", str(to)).stdout
    content = to.read_bytes()
    done = kit("cells", "merge", str(files["a"]), str(files["c"]), "--to", str(to))
    assert done.returncode == 2
    assert "cell 4: train-loss of epoch 0 is" in done.stderr
    assert to.read_bytes() == content


@pytest.mark.parametrize("command", ["export", "merge"])
def test_targets_have_their_endings(kit: Run, tmp_path: Path, command: str) -> None:
    done = kit("cells", command, "x.parquet", "--to", str(tmp_path / "x.txt"))
    assert done.returncode == 2
    assert "x.txt" in done.stderr


@pytest.mark.usefixtures("own_darcy")
def test_a_table_of_ones_own_is_planned_and_made(kit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_THREADS", "2")
    words = ("precompute", "nas-bench-201", "--task", "darcy-flow", "--epochs", "1")
    whole = kit(*words, "--dry-run").stdout
    assert "6466 cells of 1 epoch, 0 trained" in whole
    assert "15625 cells" in kit(*words, "--dry-run", "--all-cells").stdout
    smoke = (*words, "--profile", "smoke", "--subset", "2")
    done = kit(*smoke)
    assert done.returncode == 0, done.stderr
    assert "darcy-flow-1-777.parquet" in done.stdout
    (file,) = paths.results().rglob("result.json")
    assert json.loads(file.read_text())["provenance"]["threads"] == 2
    shown = kit("lookup", "darcy-flow").stdout
    assert "A fixed random subset, 2 of the 6466 classes." in shown
    assert "2 cells of 1 epoch, 2 trained" in kit(*smoke, "--dry-run").stdout
    done = kit(*words, "--profile", "smoke", "--subset", "1")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "is here already and not of this run" in done.stderr
    for part, said in (
        ("3/2", "takes N/OF, such as 1/4, not '3/2'"),
        ("x", "takes N/OF, such as 1/4, not 'x'"),
        ("", "takes N/OF, such as 1/4, not ''"),
        (f"1/{'9' * 5000}", "takes N/OF, such as 1/4, not '1/9"),
        ("3/3", "too few cells for a part 3"),
    ):
        done = kit(*smoke, "--part", part)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert said in done.stderr


def test_searches_are_simulated_and_drawn(kit: Run, tmp_path: Path) -> None:
    file, picture = tmp_path / "t.parquet", tmp_path / "curves.svg"
    write(table(epochs=2), file)
    words = ("--budget", "30", "--runs", "5", "--output", str(picture))
    done = kit("cells", "search", str(file), *words)
    assert done.returncode == 0, done.stderr
    title, _, *lines = done.stdout.splitlines()
    assert title == "ninapro, 2 epochs, 5 runs"
    short = kit("cells", "search", str(file), "--budget", "1e-9", "--runs", "1")
    assert short.stdout.startswith("ninapro, 2 epochs, 1 run\n"), short.stderr
    assert short.stdout.splitlines()[-1].split() == ["bohb", "-", "-", "-"]
    names = ["random", "regularised-evolution", "reinforce", "hyperband", "bohb"]
    assert [line.split()[0] for line in lines] == names
    assert all(name in picture.read_text(encoding="utf-8") for name in names)
    whole = table(epochs=2)
    curves = {name: curve.copy() for name, curve in whole.curves.items()}
    for curve in curves.values():
        curve[::2, 1] = np.nan  # every other cell diverged
    write(replace(whole, curves=curves), file)
    done = kit("cells", "search", str(file), "--search", "random", "--budget", "30", "--runs", "5")
    assert done.returncode == 0, done.stderr
    assert "scores are of cells that diverged; they lose" in done.stdout
    write(table(range(5), epochs=2), file)
    done = kit("cells", "search", str(file), "--budget", "30")
    assert done.returncode == 2
    assert "is not in the table, which has 5 of 15625" in done.stderr
