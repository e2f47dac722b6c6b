"""Folders of one's own: they add to the kit's, and a broken one breaks nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit import method, paths, task
from kit.errors import KitError

BROKEN = [
    ("x = 1 +\n", "line 1: SyntaxError: invalid syntax"),
    ("\nimport nothing_of_that_name\n", "line 2: ModuleNotFoundError: No module named"),
    ("\n\nTASK = METHOD = Undefined\n", "line 3: NameError: name 'Undefined' is not defined"),
    ("from .facts import TASK\n", "facts.py, line 2: ZeroDivisionError: division by zero"),
    ("x = 1\n", "there is no"),
    ("TASK = METHOD = 1\n", "there is no"),
    ("TASK = METHOD = dict()['x']\n", "line 1: KeyError: 'x'"),
    ("raise OSError(2, 'gone')\n", "line 1: FileNotFoundError"),
]


def folder(root: Path, name: str, file: str, text: str) -> Path:
    made = root / name
    made.mkdir(parents=True)
    (made / file).write_text(text)
    (made / "facts.py").write_text("\nTASK = 1 / 0\n")
    return made


@pytest.mark.parametrize("number", range(len(BROKEN)))
def test_a_broken_task_or_method_is_named_and_the_others_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    text, message = BROKEN[number]
    for listed, variable, file in (
        (task, "KIT_TASKS", "task.py"),
        (method, "KIT_METHODS", "info.py"),
    ):
        shipped, name = listed.names(), f"bad_{file[:4]}_{number}"
        made = folder(tmp_path / variable, name, file, text)
        monkeypatch.setenv(variable, str(made.parent))
        assert listed.names() == shipped
        (line,) = listed.broken()
        assert line.startswith(f"{made} is left out: {made}")
        assert message in line
        assert "\n" not in line
        with pytest.raises(KitError, match=name):
            listed.find(name.replace("_", "-"))


def test_own_folders_add_to_the_kits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = task.names()
    source = (task.find("ninapro").folder / "task.py").read_text()
    folder(tmp_path, "of_mine", "task.py", source)
    hidden = folder(tmp_path, "ecg", "task.py", source)
    monkeypatch.setenv("KIT_TASKS", str(tmp_path))
    assert task.names() == sorted([*shipped, "of-mine"])
    assert task.find("ecg").folder == paths.project() / "tasks" / "ecg"
    assert task.broken() == [f"{hidden} is left out: its name is that of {task.find('ecg').folder}"]
    assert paths.new_tasks() == tmp_path


def test_settings_that_are_no_toml_are_told_with_their_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (method.find("constant").folder / "info.py").read_text()
    made = folder(tmp_path, "no_toml", "info.py", text.replace('"constant"', '"no-toml"'))
    monkeypatch.setenv("KIT_METHODS", str(tmp_path))
    how = (task.find("darcy-flow"), "clean", "smoke", "regenerated")
    for write in (lambda _: None, lambda file: file.write_text("epochs = = 2")):
        write(made / "settings.toml")
        with pytest.raises(KitError, match=r"no_toml/settings\.toml cannot be read"):
            method.find("no-toml").settings(*how)  # type: ignore[arg-type]


COMMANDS = [
    ("list", "tasks", "--format", "json"),
    ("list", "methods", "--format", "json"),
    ("data", "list", "--format", "json"),
    ("doctor", "--format", "json"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_over_all_folders_go_on(
    kit: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    for variable, file in (("KIT_TASKS", "task.py"), ("KIT_METHODS", "info.py")):
        folder(tmp_path / variable, "broken_one", file, "x = 1 +\n")
        monkeypatch.setenv(variable, str(tmp_path / variable))
    done = kit(*words)  # type: ignore[operator]
    rows = json.loads(done.stdout)
    assert len(rows) > 5
    if words[0] == "doctor":
        assert done.returncode == 1
        (bad,) = (row for row in rows if row["check"] == "folders")
        assert not bad["ok"]
        assert bad["detail"].count("broken_one is left out") == 2
    else:
        assert done.returncode == 0
        assert done.stderr.count("broken_one is left out") == 1
    assert "Traceback" not in done.stderr
