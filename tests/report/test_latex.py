"""LaTeX, by a real TeX."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kit import papers
from kit.report import formats, table
from kit.report.formats.latex import escape
from kit.report.tables import sizes
from kit.runs.collect import collect
from tests.made_runs import make_run

# What installs TeX sets this, so that a missing one is an error there and skipped elsewhere.
pytestmark = pytest.mark.skipif(
    shutil.which("pdflatex") is None and "KIT_NEEDS_TEX" not in os.environ,
    reason="needs pdflatex, with booktabs",
)


def compiled(folder: Path, body: str) -> str:
    """Compile a plain article and return what TeX said; an error fails the test."""
    text = (
        rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}{body}\end{{document}}"
    )
    (folder / "a.tex").write_text(text, encoding="utf-8")
    words = ["pdflatex", "-halt-on-error", "-no-shell-escape", "-interaction=nonstopmode", "a.tex"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-1500:]
    assert "Missing character" not in done.stdout
    assert (folder / "a.pdf").stat().st_size > 0
    return done.stdout


def test_every_table_compiles_empty_and_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "counts", lambda wanted, *_: dict.fromkeys(wanted))
    for task in ("cifar-100", "darcy-flow", "psicov"):
        for seed, value in ((0, 0.1), (1, 0.11), (2, None if task == "psicov" else 0.12)):
            make_run(task, "dash", seed, value)
            make_run(task, "wrn", seed, value, profile="paper", tier="published")
    make_run("ecg", "dash", 0, 0.5, log="x")
    results = collect().results
    pages = [
        formats.render(table.make(paper, number, found), "latex") + r"\clearpage"
        for paper in papers.papers()
        for number in papers.tables(paper)
        for found in ([], results)
    ]
    assert sum(r"\quad measured" in page for page in pages) > 5
    said = compiled(tmp_path, "\n".join(pages))
    # An article's margins are 1.9 in wide: a table may reach into them, not leave the page.
    too_wide = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", said)]
    assert max(too_wide, default=0.0) < 120


def test_any_text_compiles_as_what_it_is(tmp_path: Path) -> None:
    every = [chr(code) for code in range(0x3000)] + ["\U0001f600"]
    body = "\n\n".join(f"x{escape(character)}y" for character in every)
    compiled(tmp_path, body + escape(r"\input{/etc/passwd} $x^2_3$ \end{document} % & #"))
    assert escape("relative ℓ2, ℓ₂, ℓ1") == r"relative $\ell_2$, $\ell_2$, $\ell$1"
    assert escape("é ±0.5 % <b> \x07✗") == r"é $\pm$0.5 \% \textless{}b\textgreater{}  ?"


def test_an_error_is_seen(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="Undefined control sequence"):
        compiled(tmp_path, r"\nosuchcommand")
