from __future__ import annotations

from kit.data.split import in_order


def test_folds_follow_each_other() -> None:
    folds = in_order({"train": 3, "val": 0, "test": 2})
    assert {name: rows.tolist() for name, rows in folds.items()} == {
        "train": [0, 1, 2],
        "val": [],
        "test": [3, 4],
    }
