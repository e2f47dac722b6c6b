"""Options that say where runs go are checked where nothing is to be run, too."""

from __future__ import annotations

import click
import pytest

from kit.cli.commands import precompute, reproduce, run
from kit.cli.options import Placement
from kit.cli.reproduce import runs
from kit.errors import KitError
from kit.plan.records import Plan


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("local:0", "^--trials-on local:N takes a number of processes, not '0'$"),
        ("local:-1", "not '-1'"),
        ("", "^--trials-on is empty; say local:N"),
    ],
)
@pytest.mark.parametrize("command", [run.command, reproduce.command, precompute.command])
def test_places_of_trials_that_are_none(command: click.Command, where: str, line: str) -> None:
    with pytest.raises(KitError, match=line):
        command.make_context("kit", ["--trials-on", where])


def test_gpus_that_are_not_there() -> None:
    done = Plan(runs=[], data=[], skipped=[])
    assert runs.fill(done, "smoke", Placement()) == 0
    with pytest.raises(KitError, match=r"^--gpus: no GPU '99'; there is "):
        runs.fill(done, "smoke", Placement(gpus="99"))
