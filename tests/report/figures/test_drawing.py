"""Every figure drawn: the same bytes twice, and what it must show as text of the SVG."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kit.errors import KitError
from kit.methods.dash import drawing
from kit.report import figures, means, table
from kit.report.figures import curves, mixtures, profiles, ranks, runtimes
from tests.conftest import Run
from tests.made_runs import make_run
from tests.report.figures.examples import darcy, deepsea, drawn, folder


def _profiles() -> Any:
    made = profiles.make("nas-bench-360", "2", means.published(table.make("nas-bench-360", 2, [])))
    return profiles.draw(made)


def _runtimes() -> Any:
    return runtimes.draw(runtimes.make(table.make("dash", 6, [make_run()])))


def _grouped() -> Any:
    return runtimes.draw(runtimes.make(table.make("nas-bench-360", 5, [])))


def _ranks() -> Any:
    return ranks.draw(ranks.make("t", means.published(table.make("dash", 5, []))))


def _curves() -> Any:
    return curves.draw(curves.make([folder(make_run(seed=seed)) for seed in (0, 1)]))


def _weights() -> Any:
    return mixtures.draw_weights(mixtures.make([folder(make_run())]))


def _entropy() -> Any:
    return mixtures.draw_entropy(mixtures.make([folder(make_run())]))


DRAWN: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "profiles": (_profiles, ("DenseNAS (random)", "2D point tasks", "printed in Table 2")),
    "runtimes": (_runtimes, ("Hyperparameter Tuning", "FSD50K", "regenerated data")),
    "grouped": (_grouped, ("AMBER / Auto-DeepLab", "100")),
    "ranks": (_ranks, ("DASH (2.10)", "critical difference 3.32")),
    "curves": (_curves, ("seed 1", "retrain", "training loss", "profile lite")),
    "alphas": (_weights, ("layer 1: (3,1)", "weight in the mixture")),
    "entropy": (_entropy, ("uniform", "entropy of the mixture (nats)")),
    "darcy": (lambda: drawn(darcy()), ("5×5,3", "3×3,15", "7×7,15", "Channel-")),
    "deepsea": (lambda: drawn(deepsea()), ("11,1", "15,15", "AvgPool1D")),
}


@pytest.mark.parametrize("name", DRAWN)
def test_drawn_twice_to_the_same_bytes_with_its_words(name: str) -> None:
    draw, words = DRAWN[name]
    first = figures.render(draw(), "svg")
    assert figures.render(draw(), "svg") == first
    for word in words:
        assert word in first.decode()


@pytest.mark.parametrize(("kind", "start"), [("pdf", b"%PDF"), ("png", b"\x89PNG")])
def test_other_forms_are_the_same_bytes_too(kind: str, start: bytes) -> None:
    first = figures.render(drawn(deepsea()), kind)
    assert first.startswith(start)
    assert figures.render(drawn(deepsea()), kind) == first


def test_a_pdf_has_fonts_that_conferences_take() -> None:
    """TrueType, not Type 3."""
    pdf = figures.render(drawn(deepsea()), "pdf")
    assert b"/Type3" not in pdf
    assert b"/TrueType" in pdf or b"/CIDFontType2" in pdf


@pytest.mark.parametrize("words", [12, 40, 90])
def test_a_title_stays_within_its_figure(words: int) -> None:
    figure = figures.new(3.3, 2.5)
    figure.subplots()
    figures.entitle(figure, " ".join(["released"] * words))
    figure.draw_without_rendering()
    box = figure._suptitle.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width


def test_runs_that_lie_on_each_other_are_all_seen() -> None:
    """Entropies that hardly leave the uniform one fill the axis, in lines of their own kind."""
    layer = mixtures.LayerMixture(
        "conv", 0, [[0.5, 0.5]] * 3, [math.log(2) - 1e-6 * n for n in (0, 1, 2)], ["a", "b"]
    )
    searches = [
        mixtures.SearchMixtures(f"seed {n}", ["a", "b"], [0, 1, 2], [layer]) for n in (0, 1, 2)
    ]
    axes = mixtures.draw_entropy(mixtures.Mixtures("three", searches)).axes[0]
    bottom, top = axes.get_ylim()
    assert top - bottom < 1e-5
    lines = [line for line in axes.get_lines() if len(line.get_xdata()) == 3]
    assert len({line.get_linestyle() for line in lines}) == 3


def test_heights_of_layers_are_their_kernel_sizes() -> None:
    from matplotlib.patches import Rectangle

    (axes,) = drawn(deepsea()).axes
    sizes = [layer.kernel_size for block in deepsea().blocks for layer in block.layers]
    boxes = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    heights = [box.get_height() for box in boxes if box.get_width() == drawing.CONVOLUTION]
    assert heights == pytest.approx([size / 19 * drawing.TALLEST for size in sizes])


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KitError, match=r"none of \.svg, \.pdf, \.png"):
        figures.save(_ranks(), tmp_path / "a.jpg")


def test_the_command_draws_and_gives_data(kit: Run, tmp_path: Path) -> None:
    run = make_run()
    target = tmp_path / "a.svg"
    done = kit("figure", "architecture", run.spec.id[:8], "--output", str(target))
    assert done.returncode == 0, done.stderr
    assert "DilatedConv3×3,1" in done.stdout
    assert b"<svg" in target.read_bytes()
    value = json.loads(kit("figure", "entropy", "darcy-flow/dash", "--format", "json").stdout)
    assert len(value["searches"][0]["layers"]) == 2
    assert json.loads(kit("figure", "ranks", "--format", "json").stdout)["difference"] > 3
    value = json.loads(kit("figure", "1", "--paper", "nas-bench-360", "--format", "json").stdout)
    assert value["panels"][0]["profiles"][1]["ratios"]["spherical"] == pytest.approx(85.77 / 72.99)


def test_the_same_bytes_whatever_the_order_of_sets(
    kit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        target = tmp_path / f"{seed}.svg"
        assert kit("figure", "ranks", "--output", str(target)).returncode == 0
        drawn.append(target.read_bytes())
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("curves",), "figure curves needs a RUN"),
        (("1a", "darcy-flow/dash"), "figure 1a takes no RUN"),
        (("architecture", "darcy-flow/dash"), "names 2 runs, name one of them"),
        (("alphas", "darcy-flow/dash/0", "darcy-flow/dash/1"), "is of one run, not of 2"),
        (("curves", "darcy-flow/dush"), "did you mean 'darcy-flow/dash'?"),
        (("rank",), "did you mean 'ranks'?"),
        (("1", "--paper", "nas-bench-36"), "did you mean 'nas-bench-360'?"),
        (("1a", "--values", "measured"), "no Hand-Designed"),
    ],
)
def test_a_users_mistake_is_one_line(kit: Run, words: tuple[str, ...], told: str) -> None:
    for seed in (0, 1):
        make_run(seed=seed)
    done = kit("figure", *words)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
