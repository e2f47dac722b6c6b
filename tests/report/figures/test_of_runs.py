from __future__ import annotations

import json
import math
import warnings
from pathlib import Path

import pytest

from kit.errors import KitError
from kit.report.figures import architecture, curves, mixtures
from tests.made_runs import make_run
from tests.report.figures.examples import folder


def test_the_architecture_of_a_run_comes_from_its_result() -> None:
    title, stem, *blocks = architecture.text(architecture.make(folder(make_run()))).splitlines()
    assert title == "darcy-flow dash seed 0 (profile lite, tier regenerated)"
    assert stem == "DilatedConv3×3,1"
    assert [line.count("(") for line in blocks] == [2] * 6 + [0] * 3
    assert blocks[-1] == "Channel-Matching"


def test_what_cannot_be_drawn_is_told(tmp_path: Path) -> None:
    with pytest.raises(KitError, match="has no architecture"):
        architecture.make(folder(make_run(method_name="wrn")))
    with pytest.raises(KitError, match="no valid result"):
        architecture.make(tmp_path)
    with pytest.raises(KitError, match="no search with mixtures"):
        mixtures.make([folder(make_run(method_name="wrn"))])
    (folder(make_run()) / "history.jsonl").write_text("")
    with pytest.raises(KitError, match="no history of losses"):
        curves.make([folder(make_run(epochs=0))])


def test_lines_of_another_form_are_no_losses() -> None:
    place = folder(make_run(epochs=2))
    before = curves.make([place])
    others = [{"loss": 1.0}, {"stage": "tune", "epoch": 0, "loss": "x"}, {"stage": 1, "loss": 0.5}]
    with (place / "history.jsonl").open("a") as stream:
        stream.writelines(f"{json.dumps(line)}\n" for line in others)
    assert curves.make([place]) == before


def test_curves_go_stage_by_stage_and_seed_by_seed() -> None:
    runs = [make_run(seed=seed) for seed in (0, 1)]
    trial = folder(runs[0]) / "trials" / "tune-000" / "history.jsonl"
    trial.parent.mkdir(parents=True)
    trial.write_text('{"stage": "tune", "trial": 0, "epoch": 0, "loss": 0.5}\n')
    made = curves.make([folder(run) for run in runs])
    assert [stage.name for stage in made.stages] == ["search", "tune", "retrain"]
    assert [curve.run for curve in made.stages[0].curves] == ["seed 0", "seed 1"]
    assert made.stages[0].curves[0].epochs == [1, 2, 3]
    assert made.stages[0].curves[0].losses == pytest.approx([1, 1 / 2, 1 / 3])
    assert [(c.run, c.trial, c.losses) for c in made.stages[1].curves] == [("seed 0", 0, [0.5])]
    assert "seed 0 trial 0: 1 epoch, loss 0.5 first" in curves.text(made)


def test_losses_that_are_no_numbers_are_epochs_all_the_same() -> None:
    place = folder(make_run(method_name="wrn"))
    lines = [
        {"stage": "train", "epoch": n, "loss": loss} for n, loss in enumerate((None, 0.5, None))
    ]
    (place / "history.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    made = curves.make([place])
    assert made.stages[0].curves[0].epochs == [1, 2, 3]
    told = "seed 0: 3 epochs, loss no number first, 0.5 lowest, no number last"
    assert told in curves.text(made)
    assert curves.draw(made).axes[0].lines[0].get_marker() == "o"


def test_runs_of_several_kinds_are_named_in_full() -> None:
    runs = [make_run(), make_run(method_name="wrn")]
    made = curves.make([folder(run) for run in runs])
    assert made.title == "2 kinds of runs"
    assert made.stages[0].curves[0].run.startswith("darcy-flow dash lite regenerated ")


def test_mixtures_are_softmaxes_of_the_recorded_alphas() -> None:
    run = make_run()
    place = folder(run)
    lines = [
        {"stage": "search", "epoch": epoch, "loss": 1.0, "alpha": [[0.0] * 15 + [float(epoch)]]}
        for epoch in range(3)
    ]
    (place / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (search,) = mixtures.make([place]).searches
    (layer,) = search.layers
    assert search.candidates[:5] == ["(3,1)", "(3,3)", "(3,7)", "(3,15)", "(5,1)"]
    assert layer.candidates[layer.chosen] == "(9,15)"
    assert search.entropy[0] == pytest.approx(math.log(16), abs=1e-6)
    p = math.e**2 / (15 + math.e**2)
    assert layer.weights[2][15] == pytest.approx(p, abs=1e-6)
    q = (1 - p) / 15
    entropy = -p * math.log(p) - 15 * q * math.log(q)
    assert layer.entropy[2] == pytest.approx(entropy, abs=1e-6)


@pytest.mark.parametrize(
    "lines",
    [
        [{"epoch": 0, "alpha": "x"}],
        [{"epoch": 0, "alpha": [1.0]}],
        [{"alpha": [[0.0] * 16]}],
        [{"epoch": "x", "alpha": [[0.0] * 16]}],
        [{"epoch": 0, "alpha": [[0.0] * 17]}],
        [{"epoch": 0, "alpha": [[0.0] * 16]}, {"epoch": 1, "alpha": [[0.0] * 16] * 2}],
        [{"epoch": 0, "alpha": [[0.0] * 16]}, {"epoch": 1, "alpha": [[0.0] * 15]}],
    ],
)
def test_mixtures_of_another_form_are_told(lines: list[dict[str, object]]) -> None:
    place = folder(make_run())
    (place / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(KitError, match="the mixtures in its history are not of its method"):
        mixtures.make([place])


def test_a_weight_of_zero_has_no_entropy_and_breaks_nothing() -> None:
    place = folder(make_run())
    line = {"stage": "search", "epoch": 0, "alpha": [[0.0] + [-math.inf] * 15]}
    (place / "history.jsonl").write_text(json.dumps(line) + "\n")
    (search,) = mixtures.make([place]).searches
    assert search.entropy == [0.0]
    assert search.layers[0].name == "layer 0"


def test_edges_of_cells_have_names_and_stand_aside_of_their_operations() -> None:
    """Of a search with one cell type: 14 edges with 8 operations, four nodes with 2 to 5 edges."""
    place = folder(make_run(method_name="darts-gaea"))
    line = {
        "stage": "search",
        "epoch": 0,
        "alpha": [[0.0] * 7 + [1.0]] * 14,
        "beta": [[0.0] * count for count in (2, 3, 4, 5)],
    }
    (place / "history.jsonl").write_text(json.dumps(line) + "\n")
    (search,) = mixtures.make([place]).searches
    names = [layer.name for layer in search.layers]
    assert names[:3] == ["normal 2←0", "normal 2←1", "normal 3←0"]
    assert names[14:] == ["normal 2", "normal 3", "normal 4", "normal 5"]
    assert {layer.candidates[layer.chosen] for layer in search.layers[:14]} == {"dil_conv_5x5"}
    assert search.layers[16].candidates == ["←0", "←1", "←2", "←3"]
    assert search.layers[17].entropy == [pytest.approx(math.log(5), abs=1e-6)]
    assert search.entropy[0] == pytest.approx(search.layers[0].entropy[0])


def test_layers_have_the_names_of_the_finished_search() -> None:
    place = folder(make_run())
    (place / "stages").mkdir()
    (place / "stages" / "search.json").write_text(
        '{"architecture": [["conv1", 3, 1], ["b", 5, 1]]}'
    )
    (search,) = mixtures.make([place]).searches
    assert [layer.name for layer in search.layers] == ["conv1", "b"]


def test_many_runs_leave_the_panels_their_room() -> None:
    made = curves.make([folder(make_run(method_name="wrn", seed=seed)) for seed in range(28)])
    drawn = curves.draw(made)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib tells of parts that have no room left
        drawn.draw_without_rendering()
    lines = drawn.axes[0].lines
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 28
    assert drawn.axes[0].get_position().height * drawn.get_figheight() > 1
    extent = drawn.legends[0].get_window_extent()
    assert extent.width < drawn.bbox.width
