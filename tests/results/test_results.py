"""Packing, merging and verifying, with archives that nobody should trust."""

from __future__ import annotations

import errno
import json
import stat
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from kit import paths
from kit.errors import DataError, KitError
from kit.files import locked, write_json
from kit.results import merge as merging
from kit.results.merge import merge
from kit.results.pack import pack
from kit.results.verify import verify
from kit.runs.collect import collect
from kit.runs.records import Result
from tests.conftest import Run
from tests.made_runs import make_run


def runs() -> Path:
    return paths.runs()


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The packed runs of another machine: three seeds of dash, one of wrn."""
    file = tmp_path / "other.zip"
    with monkeypatch.context() as patch:
        patch.setenv("KIT_RESULTS", str(tmp_path / "other"))
        for seed in range(3):
            make_run(seed=seed)
        make_run(method_name="wrn")
        pack(file, None)
    return file


def rewritten(archive: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The archive with other members."""
    with zipfile.ZipFile(archive) as old:
        members = {name: old.read(name) for name in old.namelist()}
    change(members)
    file = archive.with_name("changed.zip")
    with zipfile.ZipFile(file, "w") as new:
        for name, bytes_ in members.items():
            new.writestr(name, bytes_)
    return file


def member(members: dict[str, bytes], end: str) -> str:
    return next(name for name in members if name.endswith(end))


def refused(archive: Path, match: str) -> None:
    before = content(paths.results())
    with pytest.raises(KitError, match=match) as caught:
        merge(archive)
    assert "\n" not in str(caught.value)
    assert content(paths.results()) == before
    assert not (paths.results() / "merging").exists()


def test_the_same_results_make_the_same_bytes(tmp_path: Path) -> None:
    for seed in (2, 0, 1):
        make_run(seed=seed)
    report = tmp_path / "report"
    (report / "runs").mkdir(parents=True)
    (report / "runs" / "a.html").write_text("<p>")
    pack(tmp_path / "a.zip", report)
    for file in paths.results().rglob("*"):
        file.touch()
    pack(tmp_path / "b.zip", report)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_an_archive_holds_what_matters_and_its_sums(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        names = packed.namelist()
        assert all(stat.S_IMODE(i.external_attr >> 16) == 0o644 for i in packed.infolist())
        packed.extractall(tmp_path / "out")
    assert names[:-1] == sorted(names[:-1])
    assert {Path(name).name for name in names if name.startswith("runs/")} == {
        *("spec.json", "result.json", "status.json", "history.jsonl", "log.txt", "weights.pt")
    }
    assert "locks/constraints.txt" in names
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=tmp_path / "out",
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b": OK") == len(names) - 1


def test_manifests_of_the_data_are_packed_where_they_are_those_of_the_run(
    darcy: Path, tmp_path: Path
) -> None:
    from kit import task
    from kit.data.prepared import open_prepared

    del darcy
    digest = open_prepared(task.find("darcy-flow"), "regenerated", "smoke").manifest.digest
    for seed, data in enumerate((digest, "0" * 64)):
        made = make_run(seed=seed, profile="smoke", tier="regenerated")
        provenance = msgspec.structs.replace(made.provenance, data=data)
        changed = msgspec.structs.replace(made, provenance=provenance)
        write_json(runs() / made.spec.folder / "result.json", changed)
        pack(tmp_path / f"{seed}.zip", None)
    with zipfile.ZipFile(tmp_path / "1.zip") as packed:
        (manifest,) = [name for name in packed.namelist() if name.startswith("data/")]
        assert json.loads(packed.read(manifest))["task"] == "darcy-flow"
    write_json(runs() / made.spec.folder.parent / "x", {})
    for file in runs().rglob("result.json"):
        file.write_bytes(file.read_bytes().replace(digest.encode(), b"1" * 64))
    pack(tmp_path / "2.zip", None)
    with zipfile.ZipFile(tmp_path / "2.zip") as packed:
        assert not [name for name in packed.namelist() if name.startswith("data/")]


def test_runs_with_a_problem_are_not_packed(tmp_path: Path) -> None:
    good, bad = make_run(seed=0), make_run(seed=1)
    (runs() / bad.spec.folder / "artifacts" / "weights.pt").write_bytes(b"others")
    found = pack(tmp_path / "a.zip", None)
    assert list(found.whole) == [good.spec.folder]
    assert "another SHA-256" in str(found.problems[0])
    with zipfile.ZipFile(tmp_path / "a.zip") as packed:
        assert not [name for name in packed.namelist() if "seed-1" in name]
    (runs() / good.spec.folder / "artifacts" / "weights.pt").unlink()
    with pytest.raises(KitError, match="no whole result to pack"):
        pack(tmp_path / "none.zip", None)
    assert not (tmp_path / "none.zip").exists()


def test_merging_brings_whole_runs_once(archive: Path) -> None:
    mine = make_run("cosmic")
    before = content(runs() / mine.spec.folder)
    assert len(merge(archive).new) == 4
    assert len(collect().results) == 5
    assert not verify(runs()).problems
    assert content(runs() / mine.spec.folder) == before
    again = merge(archive)
    assert (again.new, len(again.known)) == ([], 4)


def test_another_result_of_the_same_run_is_a_conflict(archive: Path) -> None:
    mine = make_run(seed=1, value=0.2)
    refused(archive, rf"run {mine.spec.id[:8]} \(darcy-flow dash seed 1.*with another result")
    assert [result.metrics["relative-l2"].value for result in collect().results] == [0.2]


def test_an_unfinished_run_is_not_replaced(archive: Path) -> None:
    mine = make_run(seed=1)
    (runs() / mine.spec.folder / "result.json").unlink()
    refused(archive, rf"run {mine.spec.id[:8]} .* is here unfinished")


def test_after_a_kill_every_run_is_whole_and_the_same_command_brings_the_rest(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, renamed = Path.rename, []

    def killed(self: Path, target: Path) -> Path:
        if "seed-" in target.name:
            renamed.append(target)
            if len(renamed) == 3:
                raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        merge(archive)
    monkeypatch.undo()
    root = renamed[0].parents[4]
    found = verify(root / "runs")
    assert (len(found.whole), found.problems) == (2, [])
    monkeypatch.setenv("KIT_RESULTS", str(root))
    merged = merge(archive)
    assert (len(merged.new), len(merged.known)) == (2, 2)


def test_what_a_killed_merge_left_is_cleared(archive: Path) -> None:
    for left in ("merging/runs/x", ".merging.unpacking/y"):
        (paths.results() / left).mkdir(parents=True)
    assert len(merge(archive).new) == 4
    assert [path.name for path in paths.results().iterdir()] == ["runs"]


def test_two_merges_at_once(archive: Path) -> None:
    with (
        merging.unpacked(archive, paths.results()),
        pytest.raises(KitError, match="another merge is under way"),
    ):
        merge(archive)


@pytest.mark.parametrize(
    ("end", "new", "match"),
    [
        ("weights.pt", b"others", r"artifacts/weights\.pt has another SHA-256"),
        ("weights.pt", None, r"artifacts/weights\.pt is missing"),
        ("result.json", b"{", "result.json: "),
        ("result.json", b'{"schema": 99}', "schema 99 instead of 2"),
        ("spec.json", None, "spec.json: No such file"),
        ("spec.json", b"{}", "spec.json: "),
        ("history.jsonl", b'{"epoch": 0}\n{"epo', "history.jsonl: "),
    ],
)
def test_damaged_runs_are_refused(archive: Path, end: str, new: bytes | None, match: str) -> None:
    def change(members: dict[str, bytes]) -> None:
        name = member(members, end)
        if new is None:
            del members[name]
        else:
            members[name] = new

    refused(rewritten(archive, change), match)


def changed_result(members: dict[str, bytes], old: bytes, new: bytes) -> None:
    name = member(members, "result.json")
    assert old in members[name]
    members[name] = members[name].replace(old, new)


def test_a_result_of_another_run_is_refused(archive: Path) -> None:
    def other_seed(members: dict[str, bytes]) -> None:
        changed_result(members, b'"seed": 0', b'"seed": 7')

    def other_setting(members: dict[str, bytes]) -> None:
        changed_result(members, b'"batch_size": ', b'"batch_size": 1')

    refused(rewritten(archive, other_seed), "it belongs to darcy-flow/dash/lite-released/seed-7")
    refused(rewritten(archive, other_setting), "it belongs to darcy-flow/dash")


@pytest.mark.parametrize("name", ["../../evil", "/etc/passwd", "artifacts/../../evil"])
def test_an_artifact_outside_of_its_run_is_refused(archive: Path, name: str) -> None:
    def change(members: dict[str, bytes]) -> None:
        changed_result(members, b'"artifacts/weights.pt"', json.dumps(name).encode())

    refused(rewritten(archive, change), "lies outside of the run's folder")


@pytest.mark.parametrize("name", ["<script>", "Darcy", "a b", "..", ""])
def test_odd_names_of_tasks_and_methods_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("KIT_RESULTS", str(tmp_path / "other"))
        made = make_run()
        spec = msgspec.structs.replace(made.spec, method="x")
        odd = msgspec.structs.replace(made, spec=msgspec.structs.replace(spec, method=name))
        members = content(paths.results())
    old = f"runs/{made.spec.folder}"
    new = f"runs/{odd.spec.folder if name not in ('', '..') else spec.folder}"
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as archive:
        for file, bytes_ in members.items():
            if file.endswith(("spec.json", "result.json")):
                value = odd.spec if file.endswith("spec.json") else odd
                bytes_ = msgspec.json.encode(value)
            archive.writestr(file.replace(old, new), bytes_)
    refused(tmp_path / "odd.zip", "its method is named|it belongs to")


def test_files_that_belong_to_no_run_are_refused(archive: Path) -> None:
    for name, match in (
        ("runs/stray.json", "'stray.json' belongs to no run"),
        ("runs/darcy-flow/dash/lite-released/spec.json", "belongs to no run"),
    ):
        refused(rewritten(archive, lambda members, n=name: members.update({n: b"{}"})), match)  # type: ignore[misc]

    def checkpoint(members: dict[str, bytes]) -> None:
        members[member(members, "spec.json").replace("spec.json", "stages/x.checkpoint.pt")] = b"1"

    refused(rewritten(archive, checkpoint), r"x\.checkpoint\.pt' belongs to no run")


@pytest.mark.parametrize(
    ("name", "match"),
    [("../evil", "leads out of the folder"), ("/tmp/evil", "absolute name")],
)
def test_names_that_leave_the_folder_are_refused(archive: Path, name: str, match: str) -> None:
    refused(rewritten(archive, lambda members: members.update({name: b"1"})), match)
    assert not (paths.results().parent / "evil").exists()


def test_links_are_refused(archive: Path) -> None:
    with zipfile.ZipFile(archive, "a") as packed:
        link = zipfile.ZipInfo("runs/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(link, "/etc/passwd")
    refused(archive, "'runs/link' is a symbolic link")


def test_bombs_truncated_files_and_other_files_are_refused(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="beyond the limit"):
        merge(archive, limit=1000)
    assert not runs().exists()
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    refused(archive, "truncated or damaged")
    text = tmp_path / "notes.txt"
    text.write_text("no archive")
    refused(text, "truncated or damaged|cannot be unpacked")
    refused(tmp_path / "none.zip", "no such file")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as empty:
        empty.writestr("README", "hello")
    refused(tmp_path / "empty.zip", "holds no runs")


def test_a_full_disk_leaves_nothing(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(OSError, match="No space left") as told:
        merge(archive)
    assert str(told.value.filename).startswith(str(paths.results()))
    assert not runs().exists()


def test_verifying_names_every_problem() -> None:
    made: list[Result] = [make_run(seed=seed) for seed in range(3)]
    folders = [runs() / each.spec.folder for each in made]
    (folders[0] / "artifacts" / "weights.pt").write_bytes(b"")
    (folders[0] / "spec.json").write_bytes((folders[2] / "spec.json").read_bytes())
    (folders[1] / "result.json").write_bytes(b"[]")
    found = verify(runs())
    assert list(found.whole) == [made[2].spec.folder]
    assert [(each.path, each.text.split(":")[0]) for each in found.problems] == [
        (made[0].spec.folder, "spec.json is not the spec of its result"),
        (made[0].spec.folder, "artifacts/weights.pt has another SHA-256 than its result says"),
        (made[1].spec.folder, "result.json"),
    ]


@pytest.mark.usefixtures("counted")
def test_packing_leaves_the_results_as_they_are(kit: Run, tmp_path: Path) -> None:
    make_run()
    before = sorted(paths.results().rglob("*"))
    assert "1 run, " in kit("results", "pack", str(tmp_path / "x.zip")).stdout
    assert sorted(paths.results().rglob("*")) == before
    with zipfile.ZipFile(tmp_path / "x.zip") as content:
        assert "report/index.html" in content.namelist()


def test_the_commands(kit: Run, archive: Path, tmp_path: Path) -> None:
    assert (
        "no whole result" in kit("results", "pack", str(tmp_path / "x.zip"), "--no-report").stderr
    )
    with locked(paths.results() / ".merge.lock"):  # nor does a merge keep from it
        assert "4 valid runs, 0 problems" in kit("results", "verify", str(archive)).stdout
    assert list(paths.results().iterdir()) == []
    assert not runs().exists()
    merged = kit("results", "merge", str(archive))
    assert (merged.returncode, merged.stderr) == (0, "")
    assert "4 runs merged, 0 were here already" in merged.stdout
    again = tmp_path / "again.zip"
    assert kit("results", "pack", str(again), "--no-report").returncode == 0
    assert again.read_bytes() == archive.read_bytes()
    next(runs().rglob("weights.pt")).write_bytes(b"")
    found = kit("results", "verify", "--format", "json")
    assert found.returncode == 1
    assert len(json.loads(found.stdout)["problems"]) == 1
    assert kit("results", "merge", str(tmp_path / "none.zip")).returncode == 2
