"""Seeds that were not made alike are marked wherever their mean is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kit.report import formats
from kit.report.choice import reductions
from kit.report.compare import entries
from kit.report.table import make
from kit.runs.records import Result
from tests.made_runs import make_run

ORIGINS: list[tuple[dict[str, str], str]] = [
    ({"data": "e" * 64}, "data"),
    ({"code_hash": "e" * 64}, "code"),
    ({"torch": "2.12.0"}, "torch (2.12.0, 2.13.0)"),
    ({"device": "Tesla V100"}, "device (CPU, Tesla V100)"),
    ({"processor": "Other 6.85 AVX512"}, "processor (Made up 1.2 AVX2, Other 6.85 AVX512)"),
]


def results(changes: dict[str, str]) -> list[Result]:
    made = [make_run(seed=seed, value=0.1 + seed / 100) for seed in (0, 1, 2)]
    code = changes.get("code_hash", made[2].code_hash)
    origin: Any = {name: value for name, value in changes.items() if name != "code_hash"}
    other = msgspec.structs.replace(made[2].provenance, **origin)
    return [*made[:2], msgspec.structs.replace(made[2], code_hash=code, provenance=other)]


@pytest.mark.parametrize(("changes", "words"), ORIGINS)
def test_what_differs_stands_beside_the_mean(changes: dict[str, str], words: str) -> None:
    found = results(changes)
    table = make("dash", 5, found)
    (cell,) = (cell for row in table.rows for cell in row.cells if cell.measured)
    assert cell.measured is not None
    assert cell.measured.mean == pytest.approx(0.11)
    for form in ("text", "md"):
        text = formats.render(table, form)
        assert "0.110±0.010 ≠" in text
        assert f"≠ seeds differ in {words}" in text
    assert r"0.110$\pm$0.010 $\neq$" in formats.render(table, "latex")
    shown = json.loads(formats.render(table, "json"))
    measured = [each["measured"] for row in shown["rows"] for each in row["cells"]]
    assert [each["differs"] for each in measured if each] == [[words]]
    assert f"seeds differ in {words}" in formats.render(table, "csv").replace('""', '"')
    sides, remarks = entries(found)
    assert sides["darcy-flow", "dash"].text == "0.110±0.010 ≠"
    assert f"darcy-flow dash: ≠ seeds differ in {words}" in remarks


def test_seeds_that_were_made_alike_have_no_mark() -> None:
    table = make("dash", 5, results({}))
    for form in ("text", "md", "latex", "csv"):
        text = formats.render(table, form)
        assert "≠" not in text
        assert "neq" not in text
    assert '"differs": []' in formats.render(table, "json")


def test_a_method_without_valid_settings_of_profile_paper_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    lines = (
        "[method]",
        "extends = 'dash'",
        "title = 'Mine'",
        "[profile.paper]",
        "dilations = [1, 1]",
    )
    (tmp_path / "mine" / "settings.toml").write_text("\n".join(lines))
    monkeypatch.setenv("KIT_METHODS", str(tmp_path))
    (note,) = reductions(make_run(method_name="mine").spec)
    assert note == "those of profile paper are not valid: dilations: 1 is there twice"
