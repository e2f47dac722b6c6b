from __future__ import annotations

import pytest

from kit import papers
from kit.errors import KitError


def test_table_5_has_every_cell_of_the_paper() -> None:
    cells = papers.published("dash", 5)
    assert len(cells) == 89
    assert len({(cell.method, cell.task) for cell in cells}) == 89
    by_method = {method: sum(c.method == method for c in cells) for method in ("dash", "tcn")}
    assert by_method == {"dash": 10, "tcn": 3}


def test_digits_are_kept_as_printed() -> None:
    cells = {(cell.method, cell.task): str(cell) for cell in papers.published("dash", 5)}
    assert cells["dash", "darcy-flow"] == "0.0079±0.002"
    assert cells["wrn-asha", "darcy-flow"] == "0.066±0.00"
    assert cells["expert", "satellite"] == "19.8±0.00"
    assert cells["dash", "cifar-100"] == "24.37±0.81"


def test_hours_come_from_the_papers_own_tables() -> None:
    assert papers.hours("darcy-flow", "dash") == 5.3
    assert papers.hours("ecg", "wrn") == 5
    assert papers.hours("darcy-flow", "perceiver-io") is None


def test_totals_of_table_6_follow_from_their_parts() -> None:
    """The paper rounds its parts; PSICOV is off by more, and its cell says so."""
    rows: dict[str, dict[str, float]] = {}
    for cell in papers.published("dash", 6):
        rows.setdefault(cell.task, {})[cell.metric] = float(cell.mean)
    assert len(rows) == 10
    for task, row in rows.items():
        total = row.pop("total-hours")
        off = abs(sum(row.values()) - total)
        assert off <= (0.6 if task == "psicov" else 0.3)


def test_unknown_names() -> None:
    with pytest.raises(KitError, match="did you mean 'dash'"):
        papers.layout("dahs", 5)
    with pytest.raises(KitError, match="no table 99 of paper 'dash'; there is"):
        papers.layout("dash", 99)
