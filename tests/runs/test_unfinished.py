from __future__ import annotations

import json

import pytest

from kit import method, task
from kit.files import write_json
from kit.report import formats, table
from kit.report.kinds import WantedKind
from kit.runs import history, unfinished
from kit.runs.folder import RunFolder
from kit.runs.unfinished import StageSeconds
from kit.spec import Profile


def begun(seed: int = 0, profile: Profile = "lite") -> RunFolder:
    """A run that has searched for an hour and is at its tuning, in its second trial."""
    spec = method.find("dash").spec(
        task.find("darcy-flow"),
        seed,
        protocol="released",
        profile=profile,
        tier="regenerated",
    )
    folder = RunFolder(spec)
    write_json(folder.path / "spec.json", spec)
    folder.set_output("search", {"cost": {"active_seconds": 3600.0, "sessions": 1}})
    for trial, seconds in ((0, (300.0, 600.0)), (1, (200.0,))):
        lines = [
            {"stage": "tune", "trial": trial, "epoch": e, "seconds": s}
            for e, s in enumerate(seconds)
        ]
        file = folder.path / "trials" / f"tune-{trial:03d}" / "history.jsonl"
        file.parent.mkdir(parents=True)
        file.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"cut')
    folder.set_status("running", stage="tune", epoch=4, epochs=18)
    return folder


def test_costs_of_a_run_under_way() -> None:
    begun()
    (run,) = unfinished.find()
    assert run.stages == {
        "search": StageSeconds(3600.0),
        "tune": StageSeconds(800.0 * 18 / 4, 4, 18),
    }


@pytest.mark.parametrize(
    "content",
    [
        b"[1]\n3\n",
        b'{"stage": "tune", "seconds": "x"}\n',
        b'{"stage": "tune", "seconds": 1, "trial": [1]}\n',
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
    ],
)
def test_a_history_that_is_none_costs_nothing(content: bytes) -> None:
    folder = begun()
    folder.history.write_bytes(content)
    (run,) = unfinished.find()
    assert run.stages["tune"] == StageSeconds(800.0 * 18 / 4, 4, 18)


def test_whole_numbers_of_any_length_are_numbers() -> None:
    folder = begun()
    line = f'{{"stage": "tune", "epoch": 0, "loss": 1{"0" * 400}}}\n'
    folder.history.write_text(line)
    assert [each.value for each in history.scalars(folder.path)] == [float("inf")]


@pytest.mark.parametrize("cost", [3, {}, {"active_seconds": "x", "sessions": 1}, None])
def test_a_stage_whose_cost_is_none_is_left_out(cost: object) -> None:
    folder = begun()
    folder.set_output("search", {"cost": cost})
    (run,) = unfinished.find()
    assert list(run.stages) == ["tune"]


def test_a_table_of_hours_projects_and_says_so() -> None:
    begun()
    made = table.make("dash", 6, [])
    (row,) = [row for row in made.rows if row.task == "darcy-flow"]
    search, tuning, retraining, total = row.cells
    assert search.measured_text == "1 (1 of 3, unfinished) [a]"
    assert tuning.measured_text == "1 (1 of 3, projection) [b]"
    assert (retraining.measured, total.measured) == (None, None)
    notes = dict(made.notes)
    assert "the stage has ended, its run has not" in notes["a"]
    assert "projected from 4 of 18 epochs of tune, 200 s each" in notes["b"]
    for form in formats.names():
        assert "projection" in formats.render(made, form)


def test_the_total_is_projected_once_the_last_stage_is_under_way() -> None:
    folder = begun()
    folder.set_output("tune", {"cost": {"active_seconds": 1800.0, "sessions": 1}})
    folder.history.write_text('{"stage": "retrain", "epoch": 0, "seconds": 180.0}\n')
    folder.set_status("running", stage="retrain", epoch=1, epochs=20)
    made = table.make("dash", 6, [])
    (row,) = [row for row in made.rows if row.task == "darcy-flow"]
    assert [cell.measured and cell.measured.mean for cell in row.cells] == [1.0, 0.5, 1.0, 2.5]


def test_kinds_never_mix_and_only_what_is_asked_for_is_shown() -> None:
    begun(0)
    begun(1, "smoke")
    cell = table.make("dash", 6, []).rows[2].cells[0]
    assert cell.measured is not None
    assert (cell.measured.profile, cell.measured.seeds) == ("lite", (0,))
    cell = table.make("dash", 6, [], wanted=WantedKind("smoke")).rows[2].cells[0]
    assert cell.measured is not None
    assert cell.measured.seeds == (1,)
    assert table.make("dash", 6, [], wanted=WantedKind("paper")).rows[2].cells[0].measured is None


def test_damaged_or_foreign_folders_are_left_out() -> None:
    folder = begun().path
    folder.rename(folder.with_name("seed-0-00000000"))
    other = begun(1).path
    (other / "spec.json").write_text("{")
    assert unfinished.find() == []
