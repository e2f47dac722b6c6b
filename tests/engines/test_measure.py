"""What ``kit bench queue`` measures; bounds far above the targets, for machines at work."""

from __future__ import annotations

from kit.engines import measure


def test_every_target_has_a_value_and_none_is_missed_by_far() -> None:
    seen: list[tuple[int, int]] = []
    rows = measure.measure(lambda done, of: seen.append((done, of)))
    assert len(rows) in (7, 8), "containers are measured where there are images"
    assert seen == [(part, 5) for part in range(5)]
    for row in rows:
        assert row["value"] < 20 * row["target"]
    makespans = [row for row in rows if row["unit"] == "x"]
    assert [row["value"] <= row["target"] for row in makespans] == [True] * 4
    assert all(row["estimates_far_off"]["median"] <= 1.05 for row in makespans)
