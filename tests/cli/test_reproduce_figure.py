from __future__ import annotations

import pytest

from kit import method
from kit.cli.commands.reproduce import _behind
from kit.errors import KitError
from kit.report.figures import profiles


def test_behind_profiles_are_the_methods_of_their_curves() -> None:
    for paper in ("dash", "nas-bench-360"):
        for name in profiles.names(paper):
            with pytest.MonkeyPatch.context() as patch:
                rows = ["wrn", "wrn-asha", "densenas", "darts-gaea", "densenas-random", "expert"]
                rows += ["dash", "tcn"]
                patch.setattr(method, "names", lambda rows=rows: rows)
                found = _behind(name, paper=paper, methods=())
            assert found["number"] == profiles.definition(paper, name).table
            assert "wrn" in found["methods"]
            assert "tcn" not in found["methods"]


def test_a_curve_that_no_method_can_fill_is_told_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(method, "names", lambda: ["wrn", "dash"])
    with pytest.raises(KitError, match="Hand-Designed in figure 1a needs expert, which this kit"):
        _behind("1a", paper="dash", methods=())
    with pytest.raises(KitError, match="DenseNAS in figure 1 needs densenas, which was not asked"):
        _behind("1", paper="nas-bench-360", methods=("wrn",))
    with pytest.raises(KitError, match="unknown figure of dash '4'; there is 1a, 2, 3"):
        _behind("4", paper="dash", methods=())
