from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from kit import paths
from kit.errors import KitError
from kit.report.choice import choose, conflicts
from kit.report.figures import curves
from kit.runs import history
from kit.runs.find import find, find_one, read_spec
from tests.made_runs import make_run


def test_a_run_is_found_by_folder_path_or_id() -> None:
    specs = [make_run(seed=seed).spec for seed in (0, 1)]
    other = make_run(method_name="wrn").spec
    root = paths.runs()
    folders = [root / spec.folder for spec in specs]
    assert find("darcy-flow/dash") == sorted(folders)
    assert find("darcy-flow/") == sorted([*folders, root / other.folder])
    for word in (str(folders[0]), str(specs[0].folder), specs[0].id[:6], specs[0].id):
        assert find_one(word) == folders[0]
        assert read_spec(find_one(word)).id == specs[0].id


def test_seeds_are_in_the_order_of_numbers() -> None:
    folders = [paths.runs() / make_run(seed=seed).spec.folder for seed in (0, 2, 9, 10, 100)]
    assert find("darcy-flow/dash") == folders


@pytest.mark.parametrize("word", ["darcy", "darcy-flow/das", "abc", "0" * 64, "darcy-flow/dash/x"])
def test_what_names_no_run_is_told(word: str) -> None:
    make_run()
    with pytest.raises(KitError, match="no run"):
        find(word)


def test_three_digits_are_too_few_for_an_id() -> None:
    spec = make_run().spec
    with pytest.raises(KitError, match="no run"):
        find(spec.id[:3])
    assert find(spec.id[:4])


def test_near_names_and_several_runs_are_told() -> None:
    for seed in (0, 1):
        make_run(seed=seed)
    with pytest.raises(KitError, match="did you mean 'darcy-flow/dash'"):
        find("darcy-flow/dush")
    with pytest.raises(KitError, match="names 2 runs"):
        find_one("darcy-flow/dash")


def test_messages_about_runs_do_not_grow_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KitError, match=r"no run 'x' in .*; there is none$"):
        find("x")
    made = [make_run(seed=seed) for seed in range(40)]
    with pytest.raises(KitError, match=r"no run 'x' in .*; 'kit status' lists them$"):
        find("x")
    with pytest.raises(KitError, match=r"names 40 runs, name one of them: .* and \d+ more$"):
        find_one("darcy-flow/dash")
    monkeypatch.setattr("kit.runs.history.read", lambda _: [])
    with pytest.raises(KitError, match=r"no history of losses in .* and \d+ more$"):
        curves.make(find("darcy-flow/dash"))
    settings = [{**each.spec.settings, "batch_size": n} for n, each in enumerate(made)]
    mixed = [
        msgspec.structs.replace(each, spec=msgspec.structs.replace(each.spec, settings=own))
        for each, own in zip(made, settings, strict=True)
    ]
    (line,) = conflicts(choose(mixed)[0].values())
    assert re.search(r"differ in their settings.* and \d+ more; move what does not belong", line)


def test_a_damaged_spec_is_told(tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text('{"task": "darcy-flow"')
    with pytest.raises(KitError, match=r"spec\.json cannot be read"):
        read_spec(find_one(str(tmp_path)))


def test_history_has_trials_last_and_no_line_cut_off(tmp_path: Path) -> None:
    assert history.read(tmp_path) == []
    trial = tmp_path / "trials" / "tune-000" / "history.jsonl"
    trial.parent.mkdir(parents=True)
    trial.write_text('{"stage": "tune", "trial": 0, "epoch": 0}\n')
    (tmp_path / "history.jsonl").write_text('{"stage": "search", "epoch": 0}\n{"stage": "se')
    assert [line["stage"] for line in history.read(tmp_path)] == ["search", "tune"]


def test_of_several_the_fullest_that_succeeded_is_meant() -> None:
    root, said = paths.runs(), list[str]()
    for profile in ("smoke", "lite"):
        make_run(profile=profile)
    clean = make_run(profile="lite", protocol="clean")
    failed = root / make_run(profile="paper").spec.folder
    (failed / "result.json").unlink()
    wanted = root / make_run(profile="lite").spec.folder
    for word in ("darcy-flow/dash/0", "darcy-flow/dash", "darcy-flow"):
        assert find_one(word, log=said.append) == wanted
        assert str(wanted) in said.pop()
    assert find_one(str(clean.spec.folder), log=said.append) == root / clean.spec.folder
    assert said == []
    for folder in root.glob("*/*/*/seed-*"):
        (folder / "result.json").unlink(missing_ok=True)
    assert find_one("darcy-flow/dash/0") == failed
