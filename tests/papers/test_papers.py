"""What was transcribed, against itself: sums, repeated cells, errata."""

from __future__ import annotations

import pytest

from kit import papers
from kit.errors import KitError
from kit.papers import Key, PublishedCell


def cells(paper: str, number: int) -> dict[Key, PublishedCell]:
    found = papers.published(paper, number)
    assert len({cell.key for cell in found}) == len(found)
    return {cell.key: cell for cell in found}


@pytest.mark.parametrize(
    ("paper", "number", "count", "total"),
    [
        ("dash", 4, 60, None),
        ("dash", 5, 89, 1096.6059),
        ("dash", 6, 40, 163.873),
        ("dash", 7, 6, 30.14),
        ("dash", 8, 8, 1748.5),
        ("dash", 9, 6, 194.0),
        ("dash", 10, 4, 106.0),
        ("nas-bench-360", 1, 60, None),
        ("nas-bench-360", 2, 76, 1604.16),
        ("nas-bench-360", 3, 14, -8.67),
        ("nas-bench-360", 4, 8, 180.858),
        ("nas-bench-360", 5, 36, 530.4),
        ("nas-bench-360", 6, 86, 1749.338),
        ("nas-bench-360", 7, 56, 217.56),
        ("nas-bench-360", 8, 54, 410.88),
    ],
)
def test_every_cell_is_there_and_their_sum_is_as_it_was(
    paper: str, number: int, count: int, total: float | None
) -> None:
    """Sums over the means, taken once over a transcription that was compared with the text."""
    found = cells(paper, number)
    assert len(found) == count
    assert set(found) <= set(papers.layout(paper, number).all_keys())
    numbers = [cell.value for cell in found.values() if cell.value is not None]
    if total is not None:
        assert sum(numbers) == pytest.approx(total)


def test_digits_are_kept_as_printed() -> None:
    found = {(key.method, key.task): str(cell) for key, cell in cells("dash", 5).items()}
    assert found["dash", "darcy-flow"] == "0.0079±0.002"
    assert found["wrn-asha", "darcy-flow"] == "0.066±0.00"
    assert found["expert", "satellite"] == "19.8±0.00"
    assert found["dash", "cifar-100"] == "24.37±0.81"


def test_rows_that_a_paper_repeats_are_the_same() -> None:
    full = cells("nas-bench-360", 6)
    for key, cell in cells("nas-bench-360", 2).items():
        assert str(cell) == str(full[key])
    for key, cell in cells("nas-bench-360", 4).items():
        if key.method == "darts-gaea":
            assert cell.mean == full[key].mean
    for key, cell in cells("dash", 7).items():
        if key.method == "tcn":
            assert str(cell) == str(cells("dash", 5)[key])


def test_where_the_papers_differ_a_note_says_so() -> None:
    """The same method and metric in both: equal after rounding, or noted."""
    theirs = cells("nas-bench-360", 6)
    differing = set()
    for key, cell in cells("dash", 5).items():
        other = theirs.get(key)
        if other is None or cell.value is None or other.value is None:
            continue
        if not (alike(cell.mean, other.mean) and alike(cell.std, other.std)):
            differing.add((key.method, key.task))
            assert cell.note, key
    assert differing == {("expert", "deepsea"), ("amber", "ecg"), ("amber", "deepsea")}


def alike(left: str | None, right: str | None) -> bool:
    """Tell whether two printed numbers are one number, rounded to different places at most."""
    if left is None or right is None:
        return left is right
    digits = min(len(text.partition(".")[2]) for text in (left, right))
    return abs(float(left) - float(right)) <= 0.5 * 10.0**-digits + 1e-12


@pytest.mark.parametrize(
    ("paper", "number", "method", "task"),
    [
        ("dash", 5, "amber", "ecg"),
        ("dash", 5, "amber", "deepsea"),
        ("dash", 5, "expert", "deepsea"),
        ("dash", 5, "dash", "cosmic"),
        ("dash", 5, "wrn", "spherical"),
        ("dash", 5, "perceiver-io", "cosmic"),
        ("dash", 6, "dash", "psicov"),
        ("dash", 10, "wrn", "imagenet-1k"),
        ("nas-bench-360", 2, "wrn", "spherical"),
        ("nas-bench-360", 2, "xgboost", "cosmic"),
        ("nas-bench-360", 2, "xgboost", "psicov"),
        ("nas-bench-360", 2, "wrn-asha", "psicov"),
        ("nas-bench-360", 3, "densenas", ""),
        ("nas-bench-360", 3, "densenas-random", ""),
        ("nas-bench-360", 6, "expert", "satellite"),
        ("nas-bench-360", 7, "densenas", "cosmic"),
        ("nas-bench-360", 8, "densenas", "spherical"),
        ("nas-bench-360", 8, "expert", "psicov"),
    ],
)
def test_cells_of_the_errata_carry_their_note(
    paper: str, number: int, method: str, task: str
) -> None:
    found = [c for k, c in cells(paper, number).items() if (k.method, k.task) == (method, task)]
    assert any(cell.note for cell in found)


def test_hours_come_from_the_papers_own_tables() -> None:
    assert papers.hours("darcy-flow", "dash") == 5.3
    assert papers.hours("ecg", "wrn") == 5
    assert papers.hours("ecg", "wrn-asha") == papers.hours("ecg", "darts-gaea") == 140
    assert papers.hours("darcy-flow", "perceiver-io") is None


def test_runs_behind_a_table() -> None:
    assert len(papers.runs_behind("dash", 5)) == 110
    assert papers.runs_behind("nas-bench-360", 3) == papers.runs_behind("nas-bench-360", 2)
    for number, way in ((4, ""), (8, "'kit bench epoch' measures its seconds, ")):
        line = f"no run stands behind table {number} of dash; {way}'kit table' prints it"
        with pytest.raises(KitError, match=line):
            papers.runs_behind("dash", number)


def test_unknown_names() -> None:
    with pytest.raises(KitError, match="did you mean 'dash'"):
        papers.layout("dahs", 5)
    with pytest.raises(KitError, match="no table 99 of paper 'dash'; there is"):
        papers.layout("dash", 99)
