"""An empty word, a pipe or a device where a path belongs: one line."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from kit.cli import cli
from kit.cli.types import FilePath

# A pipe without a writer would have the test wait for ever, where it is not refused.
DEVICE = "/dev/null"


def commands(group: click.Group, context: click.Context) -> Iterator[click.Command]:
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from commands(found, context)
        elif found is not None:
            yield found


def test_every_path_is_checked() -> None:
    paths = [
        param.type
        for each in commands(cli, click.Context(cli))
        for param in each.params
        if isinstance(param.type, click.Path)
    ]
    assert len(paths) > 10
    assert all(isinstance(each, FilePath) for each in paths)


@pytest.mark.parametrize(
    "words",
    [
        ["new", "task", "mine", "--from", ""],
        ["new", "task", "mine", "--from", "x.csv", ""],
        ["predict", "mine/dash/0", ""],
        ["predict", "mine/dash/0", "x.csv", "--output", ""],
        ["data", "import", "ecg", ""],
        ["results", "merge", ""],
        ["run", "darcy-flow", "dash", "--spec", ""],
    ],
)
def test_an_empty_path(words: list[str]) -> None:
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert "an empty path" in done.stderr


@pytest.mark.parametrize("command", ["reproduce", "submit"])
def test_no_time_at_all_is_no_timeout(command: str) -> None:
    done = CliRunner().invoke(cli, [command, "--timeout", "0"])
    assert done.exit_code == 2
    assert "--timeout" in done.stderr


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["new", "task", "mine", "--from", DEVICE], "save what it gives in a file"),
        (["data", "import", "ecg", DEVICE], "save what it gives in a file"),
        (["results", "merge", DEVICE], "save what it gives in a file"),
        (["run", "--spec", DEVICE], "save what it gives in a file"),
        (["run", "ecg", "dash", "--architecture", DEVICE], "save what it gives in a file"),
        (["figure", "5", "--output", DEVICE], "name a file"),
        (["report", "--output", DEVICE], "name a folder"),
    ],
)
def test_no_file(words: list[str], advice: str) -> None:
    done = CliRunner().invoke(cli, words)
    assert done.exit_code != 0
    told = done.stderr or str(done.exception)
    assert DEVICE in told
    assert "a device, not a" in told
    assert advice in told
