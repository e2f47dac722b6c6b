"""A trained model outside of the kit, against what the run itself scored."""

from __future__ import annotations

import csv
import io
import json
import logging
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import numpy as np
import pytest
import torch

from kit import task
from kit.data import preparing
from kit.data.own.reading import Reading
from kit.data.prepared import open_prepared
from kit.engines.execute import ExecuteOptions, execute
from kit.errors import DataError, KitError
from kit.export import files, inputs
from kit.export.files import export
from kit.export.loading import load_run
from kit.export.predict import predict
from kit.export.predictions import Predictions
from kit.methods.dash.method import Dash
from kit.metrics.relative_l2 import Evaluator
from kit.runs.folder import RunFolder
from kit.settings import DataConfig
from kit.spec import RunSpec
from kit.training.loop import score
from tests.conftest import Run
from tests.specs import smoke_spec

# A program is run where the kit cannot be imported.
ALONE = """
import sys
sys.modules["kit"] = None
import numpy as np, torch
x = torch.from_numpy(np.load(sys.argv[2]))
program = torch.export.load(sys.argv[1]).module()
parts = [program(part) for part in x.split(int(sys.argv[4]))]
np.save(sys.argv[3], torch.cat(parts).detach().numpy())
try:
    import kit
except ImportError:
    print("no kit")
"""


@pytest.fixture
def darcy_run(darcy: object) -> Path:
    spec = smoke_spec("dash")
    assert execute(spec, ExecuteOptions()) is not None
    return RunFolder(spec).path


def finished(name: str, of: str) -> tuple[RunSpec, Path]:
    found = task.find(of)
    preparing.prepare(found, "synthetic", "smoke")
    spec = smoke_spec(name, of=of)
    assert execute(spec, ExecuteOptions()) is not None
    return spec, RunFolder(spec).path


def raw(spec: RunSpec) -> tuple[np.ndarray, np.ndarray]:
    prepared = open_prepared(task.find(spec.task), spec.tier, spec.profile)
    rows = prepared.fold("test")
    return np.array(prepared.array("x")[rows]), np.array(prepared.array("y")[rows])


def run_alone(folder: Path, x: np.ndarray, batch: int = 3) -> np.ndarray:
    np.save(folder / "x.npy", x)
    words = [folder / "program.pt2", folder / "x.npy", folder / "y.npy", batch]
    done = subprocess.run(
        [sys.executable, "-c", ALONE, *map(str, words)],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    assert done.stdout.strip() == "no kit"
    answers: np.ndarray = np.load(folder / "y.npy")
    return answers


def test_a_dense_program_scores_as_the_run_did(darcy_run: Path, tmp_path: Path) -> None:
    """Raw coefficients in, pressures out: both normalisers, coordinates and all are inside."""
    paths = export(darcy_run, tmp_path / "out")
    assert [path.name for path in paths] == [
        "weights.safetensors",
        "architecture.json",
        "program.pt2",
    ]
    _, context = load_run(darcy_run, "cpu")
    x, _ = raw(context.spec)
    answers = run_alone(tmp_path / "out", x)
    evaluator = Evaluator(context.task)
    from kit.metrics import Prediction

    evaluator.update(Prediction(torch.from_numpy(answers), "field"), context.fold("test").samples)
    value = evaluator.compute()["relative-l2"]
    result = json.loads((darcy_run / "result.json").read_text())
    assert value.value == pytest.approx(result["metrics"]["relative-l2"]["value"], rel=1e-5)


NOTHING = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"


@pytest.mark.usefixtures("darcy")
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("constant", ()),
        ("perceiver-io", ()),
        ("nas-bench-201", (f'architecture="{NOTHING}"',)),
        ("expert", ()),
    ],
)
def test_programs_take_batches_of_any_size(
    name: str, more: tuple[str, ...], tmp_path: Path
) -> None:
    spec = smoke_spec(name, *more, protocol="clean")
    assert execute(spec, ExecuteOptions()) is not None
    export(RunFolder(spec).path, tmp_path)
    program = torch.export.load(tmp_path / "program.pt2").module()
    x, _ = raw(spec)
    np.save(tmp_path / "x.npy", x[:3])
    expected = torch.from_numpy(predict(RunFolder(spec).path, tmp_path / "x.npy").values)
    for part in (slice(1), slice(3)):
        found = program(torch.from_numpy(x[part])).detach()
        torch.testing.assert_close(found, expected[part], rtol=1e-4, atol=1e-6)


def test_weights_and_facts(darcy_run: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    export(darcy_run, tmp_path)
    method, context = load_run(darcy_run, "cpu")
    assert isinstance(method, Dash)
    network = method.trained(context)
    ours = load_file(tmp_path / "weights.safetensors")
    assert set(ours) == set(network.state_dict())
    for name, value in network.state_dict().items():
        assert torch.equal(ours[name], value)
    facts = json.loads((tmp_path / "architecture.json").read_text())
    result = json.loads((darcy_run / "result.json").read_text())
    assert facts["architecture"] == result["architecture"]
    assert facts["run"] == context.spec.id
    assert facts["input"]["shape"] == ["batch", 1, 85, 85]
    assert facts["reading"] is None


def test_what_torch_tells_of_itself_is_not_told(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    told: list[logging.LogRecord] = []
    log = logging.getLogger("torch.onnx._internal.exporter._registration")
    monkeypatch.setattr(log, "handle", told.append)

    def noisy(*_: object, **__: object) -> SimpleNamespace:
        warnings.warn("an old name", FutureWarning, stacklevel=2)
        log.warning("torchvision is not installed")
        log.error("an error")
        return SimpleNamespace(model_proto=SimpleNamespace(SerializeToString=lambda: b"onnx"))

    monkeypatch.setattr("torch.onnx.export", noisy)
    made = files._onnx(torch.nn.Identity(), cast(Any, None), torch.zeros(2, 1))
    assert (made, list(recwarn)) == (b"onnx", [])
    log.warning("later")
    assert [each.getMessage() for each in told] == ["an error", "later"]


def test_a_program_with_letters_and_a_weight_norm(tmp_path: Path) -> None:
    """Indices of bases in, one-hot inside; predictions of kit predict are the program's."""
    spec, folder = finished("tcn", "deepsea")
    export(folder, tmp_path)
    x, _ = raw(spec)
    answers = run_alone(tmp_path, x)
    predictions = predict(folder, tmp_path / "x.npy")
    expected = torch.from_numpy(answers).sigmoid().numpy()
    assert np.allclose(predictions.values, expected, atol=1e-5)
    method, context = load_run(folder, "cpu")
    fold = context.fold("test")
    scores = score(method.predictor(context), fold, context.task, 64)
    result = json.loads((folder / "result.json").read_text())["metrics"]
    assert {name: score.value for name, score in scores.items()} == {
        name: score["value"] for name, score in result.items()
    }


def test_a_program_for_windows_of_two_axes(tmp_path: Path) -> None:
    """Images as bytes, at the side that the network was trained on."""
    _, folder = finished("convnext", "imagenet-1k")
    export(folder, tmp_path)
    facts = json.loads((tmp_path / "architecture.json").read_text())
    assert facts["input"] == {"shape": ["batch", 3, 32, 32], "dtype": "uint8", "normalised": False}
    assert facts["output"]["shape"] == ["batch", 1000]
    x = np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32)).astype(np.uint8)
    np.save(tmp_path / "new.npy", x)
    answers = torch.export.load(tmp_path / "program.pt2").module()(torch.from_numpy(x))
    said = predict(folder, tmp_path / "new.npy").values
    assert np.allclose(said, answers.detach().softmax(1).numpy(), atol=1e-6)


def test_predictions_of_classes_as_csv_and_npy(kit: Run, tmp_path: Path) -> None:
    spec, folder = finished("wrn", "satellite")
    x, y = raw(spec)
    np.savez(tmp_path / "new.npz", x=x)
    file = str(tmp_path / "new.npz")
    done = kit("predict", "satellite/wrn", file)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(rows) == len(x)
    classes = np.array([int(row["class"]) for row in rows])
    result = json.loads((folder / "result.json").read_text())["metrics"]["zero-one-error"]
    assert 100 * float((classes != y).mean()) == pytest.approx(result["value"])
    output = tmp_path / "answers.npy"
    assert kit("predict", spec.id[:8], file, "--output", str(output)).returncode == 0
    values = np.load(output)
    assert np.allclose(values.sum(1), 1, atol=1e-5)
    assert np.array_equal(values.argmax(1), classes)
    shown = [[float(row[name]) for name in row if name.startswith("p")] for row in rows]
    assert np.array_equal(np.array(shown, values.dtype), values)


def test_what_is_wrong_with_a_file_is_told_in_a_line(
    darcy_run: Path, kit: Run, tmp_path: Path
) -> None:
    x = np.zeros((2, 85, 85), np.float32)
    for name, content, words in (
        ("size.npy", x[:, :40], r"x is \(2, 1, 40, 85\), not \(samples, 1, 85, 85\)"),
        ("nan.npy", np.full_like(x, np.nan), "not finite numbers"),
        ("beyond float32.npy", np.full(x.shape, 1e300), "not finite numbers"),
        ("text.npy", np.array(["a"]), "x is"),
    ):
        np.save(tmp_path / name, content)
        with pytest.raises(DataError, match=words):
            predict(darcy_run, tmp_path / name)
    np.savez(tmp_path / "no-x.npz", y=x)
    with pytest.raises(DataError, match="has no array 'x', but y"):
        predict(darcy_run, tmp_path / "no-x.npz")
    (tmp_path / "bad.npy").write_bytes(b"not an array")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "no-x.npz").read_bytes()[:-30])
    np.savez(tmp_path / "objects.npz", x=np.array([{}]))
    for name in ("bad.npy", "cut.npz", "objects.npz"):
        with pytest.raises(DataError, match=r"not a whole \.npy file|truncated or damaged"):
            predict(darcy_run, tmp_path / name)
    with pytest.raises(DataError, match="no such file"):
        predict(darcy_run, tmp_path / "none.npy")
    with pytest.raises(KitError, match=r"name in \.npy"):
        predict(darcy_run, tmp_path / "none.npy", rows=True)
    told = kit("predict", "darcy-flow/dash", str(tmp_path / "none.npy")).stderr
    assert "name in .npy" in told, "before anything is read"
    np.save(tmp_path / "good.npy", x)
    predictions = predict(darcy_run, tmp_path / "good.npy")
    with pytest.raises(KitError, match=r"name in \.npy"):
        predictions.csv()
    done = kit("predict", "darcy-flow/dash", str(tmp_path / "size.npy"))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    before = (tmp_path / "good.npy").read_bytes()
    for output in (tmp_path / "good.npy", tmp_path / "there" / ".." / "good.npy"):
        done = kit(
            "predict", "darcy-flow/dash", str(tmp_path / "good.npy"), "--output", str(output)
        )
        assert (done.returncode, "would replace what is read" in done.stderr) == (2, True)
    assert (tmp_path / "good.npy").read_bytes() == before


@pytest.mark.parametrize("kind", [">i2", ">f4", ">u4", "<f8", "?"])
def test_inputs_in_any_order_of_bytes(kind: str, tmp_path: Path) -> None:
    x = (np.arange(170).reshape(2, 85) % 7).astype(kind)
    np.save(tmp_path / "x.npy", x[:, None, :, None] * np.ones(85, kind))
    the_task = task.find("darcy-flow")
    found = inputs.of_arrays(tmp_path / "x.npy", the_task, DataConfig())
    assert found[:, 0, :, 3].tolist() == x.tolist()


def test_inputs_of_no_samples_are_told(tmp_path: Path) -> None:
    (tmp_path / "reading.json").write_bytes(msgspec.json.encode(Reading(layout="NCHW")))
    np.savez(tmp_path / "x.npz", x=np.zeros((0, 1, 85, 85)))
    own = replace(task.find("darcy-flow"), folder=tmp_path)
    with pytest.raises(DataError, match="it is empty"):
        inputs.read([str(tmp_path / "x.npz")], own, DataConfig())


def test_answers_do_not_take_the_place_of_names_of_samples() -> None:
    """One's own columns may be called as those that every table of predictions has."""
    own = replace(task.find("darcy-flow"), kind="regression", outputs=2, names=("id", "b"))
    columns = Predictions(own, np.array([[1.0, 2.0]]), ["first"]).columns()
    assert columns == {"sample": [0], "id": ["first"], "y(id)": [1.0], "b": [2.0]}


def test_a_run_that_is_not_finished(darcy: object) -> None:
    spec = smoke_spec("dash")
    execute(spec, ExecuteOptions(until="search"))
    with pytest.raises(KitError, match="is not finished"):
        load_run(RunFolder(spec).path, "cpu")


def test_a_run_whose_data_were_prepared_anew(own_darcy: Path) -> None:
    """Its inputs would be normalised by statistics that its network was not trained with."""
    spec = smoke_spec("wrn")
    execute(spec, ExecuteOptions())
    load_run(RunFolder(spec).path, "cpu")
    manifest = own_darcy / "manifest.json"
    facts = json.loads(manifest.read_text())
    facts["arrays"]["y"]["sha256"] = "0" * 64
    manifest.write_text(json.dumps(facts))
    with pytest.raises(KitError, match="its data were prepared anew since"):
        load_run(RunFolder(spec).path, "cpu")
