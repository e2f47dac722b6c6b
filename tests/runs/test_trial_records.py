from __future__ import annotations

from pathlib import Path

import pytest

from kit.runs import trial_records
from kit.runs.trial_records import Score, TrialRecord


def record(number: int, *scores: float | None, configuration: object = "c") -> TrialRecord:
    return TrialRecord(
        number=number,
        configuration=configuration,
        scores=tuple(Score(epochs, value) for epochs, value in enumerate(scores, 1)),
        seconds=0.5,
    )


def test_the_last_line_about_a_trial_holds(tmp_path: Path) -> None:
    file = trial_records.file_of(tmp_path, "tune")
    assert trial_records.read(file) == {}
    with trial_records.opened(file) as records:
        for each in (record(1, 0.5), record(0, 0.25), record(1, 0.5, None)):
            records.add(each)
        assert records.get(1) == record(1, 0.5, None)
    with trial_records.opened(file) as records:
        records.add(record(2, 1.0))
    found = trial_records.read(file)
    assert found == {1: record(1, 0.5, None), 0: record(0, 0.25), 2: record(2, 1.0)}
    assert (found[1].epochs, found[1].score(2)) == (2, None)
    assert len(file.read_text().splitlines()) == 4
    assert [each.name for each in (tmp_path / "trials").iterdir()] == ["tune.jsonl"]


@pytest.mark.parametrize("torn", [b'{"number":2,"confi', b"{}", b"\x00\x00\n", b'{"number":"x"}\n'])
def test_a_torn_line_is_dropped_when_the_run_goes_on(tmp_path: Path, torn: bytes) -> None:
    file = trial_records.file_of(tmp_path, "tune")
    with trial_records.opened(file) as records:
        records.add(record(0, 0.5))
    with file.open("ab") as stream:
        stream.write(torn)
    assert trial_records.read(file) == {0: record(0, 0.5)}
    with trial_records.opened(file) as records:
        records.add(record(1, 0.25))
    assert trial_records.read(file) == {0: record(0, 0.5), 1: record(1, 0.25)}


def test_a_record_is_of_its_configuration_and_has_the_epochs_or_goes_on() -> None:
    found = record(0, 0.5, 0.4, configuration={"rate": 0.1})
    assert found.is_of({"rate": 0.1}, 2)
    assert found.is_of({"rate": 0.1}, 3)
    assert not found.is_of({"rate": 0.2}, 2)
    skipped = TrialRecord(number=0, configuration=None, scores=(Score(4, 0.5),))
    assert not skipped.is_of(None, 2)
