"""Ten small files of ten kinds, each from file to table to prediction."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from kit import method, task
from kit.data import preparing
from kit.data.new_task import create
from kit.data.own.reading import Ask, Reading
from kit.engines.execute import ExecuteOptions, execute
from kit.export.files import export
from kit.export.predict import predict
from kit.report.own import formats, table
from kit.runs.collect import collect
from kit.runs.folder import RunFolder
from kit.task import Task

NUMBERS = itertools.count()
COUNT = 40
RANDOM = np.random.default_rng(0)
HALF = np.arange(COUNT) % 2


def signal(shape: tuple[int, ...]) -> np.ndarray:
    """Noise, and 2 added to every other sample."""
    values = RANDOM.normal(size=(COUNT, *shape))
    return (values + 2 * HALF.reshape(-1, *[1] * len(shape))).astype("f4")


def npz(folder: Path) -> list[str]:
    np.savez(folder / "a.npz", x=signal((8, 8, 3)), y=np.array(["no", "yes"])[HALF])
    return [str(folder / "a.npz")]


def npy(folder: Path) -> list[str]:
    x = signal((2, 12))
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", np.stack([x.mean((1, 2)), 100 * x[:, 0, 0]], 1))
    return [str(folder / "x.npy"), str(folder / "y.npy")]


def comma(folder: Path) -> list[str]:
    rows = [
        [
            f"s{row}",
            *("" if row == at == 3 else f"{v:.4f}" for at, v in enumerate(values)),
            HALF[row],
        ]
        for row, values in enumerate(signal((6,)))
    ]
    with (folder / "a.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["name", *"abcdef", "label"], *rows])
    return [str(folder / "a.csv")]


def steps(folder: Path) -> list[str]:
    with (folder / "long.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["series", "t", "u", "v", "level"])
        for row, values in enumerate(signal((8, 2))):
            level = float(values.mean())
            writer.writerows([row, 7 - t, *pair, level] for t, pair in enumerate(values.tolist()))
    return [str(folder / "long.csv")]


def columns(folder: Path) -> list[str]:
    import pyarrow as pa
    from pyarrow import parquet

    names = dict(zip("abcd", signal((4,)).T, strict=True))
    labels = {"wet": HALF.astype(bool), "cold": RANDOM.random(COUNT) < 0.5}
    parquet.write_table(pa.table({**names, **labels}), folder / "a.parquet")
    return [str(folder / "a.parquet")]


def datasets(folder: Path) -> list[str]:
    import h5py

    x = signal((1, 8, 8))
    with h5py.File(folder / "a.h5", "w") as file:
        file["measured/field"], file["measured/answer"] = x, x.cumsum(2)
    return [f"{folder / 'a.h5'}:measured/field", f"{folder / 'a.h5'}:measured/answer"]


def masks(folder: Path) -> list[str]:
    x = signal((8, 8))
    np.savez(folder / "m.npz", x=x, y=np.where(x > 1, 255, 0).astype("u1"))
    return [str(folder / "m.npz")]


def images(folder: Path) -> list[str]:
    from PIL import Image

    for number, label in enumerate(HALF):
        file = folder / "images" / ("dark", "light")[label] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = RANDOM.integers(0, 90, (10, 12, 3)) + 120 * label
        Image.fromarray(pixels.astype("u1")).save(file)
    return [str(folder / "images")]


def pictures_by_table(folder: Path) -> list[str]:
    images(folder)
    files = sorted((folder / "images").rglob("*.png"))
    with (folder / "labels.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "brightness", "who"])
        for number, file in enumerate(files):
            light = 1.5 + number % 3 if file.parent.name == "light" else 0.5
            writer.writerow([file.relative_to(folder / "images"), light, f"p{number % 8}"])
    return [str(folder / "images"), str(folder / "labels.csv")]


def sounds(folder: Path) -> list[str]:
    import soundfile

    time = np.arange(200) / 1000
    for number, label in enumerate(HALF):
        file = folder / "sounds" / ("low", "high")[label] / f"{number}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        wave = np.sin(2 * np.pi * (40, 200)[label] * time + number) * RANDOM.uniform(0.3, 0.9)
        soundfile.write(file, wave[: 200 - number], 1000)
    return [str(folder / "sounds")]


@dataclass(frozen=True)
class Case:
    """A kind of file: how it is made and asked for, and what is to come of it."""

    make: Callable[[Path], list[str]]
    ask: Ask
    kind: str
    shape: tuple[int, ...]
    names: tuple[str, ...]
    predicted: int = 1  # so many of the files are inputs


CASES = {
    "npz": Case(npz, Ask(reading=Reading(layout="NHWC")), "point", (3, 8, 8), ("no", "yes")),
    "npy": Case(npy, Ask(), "regression", (2, 12), ("0", "1")),
    "csv": Case(
        comma,
        Ask(reading=Reading(identity="name", missing="mask")),
        "point",
        (2, 6),
        ("0", "1"),
    ),
    "csv-steps": Case(
        steps,
        Ask(reading=Reading(sequence="series", order="t"), targets=("level",)),
        "regression",
        (2, 8),
        (),
    ),
    "parquet": Case(
        columns,
        Ask(targets=("wet", "cold"), reading=Reading(columns=("a", "b", "c", "d"))),
        "multi-label",
        (1, 4),
        ("wet", "cold"),
    ),
    "hdf5": Case(datasets, Ask(), "dense", (1, 8, 8), ()),
    "masks": Case(masks, Ask(), "segmentation", (1, 8, 8), ("0", "255")),
    "images": Case(images, Ask(), "point", (3, 10, 12), ("dark", "light")),
    "images-table": Case(
        pictures_by_table,
        Ask(targets=("brightness",), kind="regression", group="who", reading=Reading(size=(8, 8))),
        "regression",
        (3, 8, 8),
        (),
    ),
    "sounds": Case(sounds, Ask(reading=Reading(size=(180,))), "point", (1, 180), ("high", "low")),
}


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tasks"
    folder.mkdir()
    monkeypatch.setenv("KIT_TASKS", str(folder))
    return folder


def finished(of: Task, name: str) -> Path:
    preparing.prepare(of, "sample", "smoke")
    spec = method.find(name).spec(of, 0, protocol="clean", profile="smoke", tier="sample")
    assert execute(spec, ExecuteOptions()) is not None
    return RunFolder(spec).path


@pytest.mark.parametrize("case", CASES)
def test_from_file_to_table_to_prediction(case: str, tasks: Path, tmp_path: Path) -> None:
    wanted = CASES[case]
    files = wanted.make(tmp_path)
    # Modules are imported once per process and name.
    name = f"{case}-{next(NUMBERS)}"
    create(name, files, tasks, wanted.ask)
    made = task.find(name)
    assert (made.kind, made.sample_shape, made.names) == (wanted.kind, wanted.shape, wanted.names)
    run = finished(made, "linear")

    filled = table.make(made, collect().results)
    rows = {row.method: row for row in filled.rows}
    assert list(rows) == ["constant", "linear", "xgboost"]
    assert rows["constant"].state == "not run"
    (value,) = rows["linear"].scores[0].measured.defined  # type: ignore[union-attr]
    assert np.isfinite(value)
    for form in formats.FORMATS:
        assert "linear" in formats.render(filled, form)

    predictions = predict(run, files[: wanted.predicted])
    assert len(predictions.values) == COUNT
    output = tmp_path / ("said.npy" if made.dense else "said.csv")
    predictions.save(output)
    if made.dense:
        said = np.load(output)
        assert said.shape[-2:] == made.sample_shape[-2:]
        assert made.kind == "dense" or set(np.unique(said).tolist()) <= {0, 255}
        return
    lines = list(csv.DictReader(output.open()))
    assert len(lines) == COUNT
    if made.kind == "point":
        assert {line["class"] for line in lines} == set(made.names)
    if case == "csv":
        assert [line["id"] for line in lines] == [f"s{row}" for row in range(COUNT)]
    if case == "images":
        assert lines[0]["id"] == "dark/0.png"


@pytest.mark.parametrize("case", ["npz", "npy"])
def test_an_onnx_file_answers_as_predictions_do(case: str, tasks: Path, tmp_path: Path) -> None:
    """Raw inputs in, logits or numbers out; a file says what they are."""
    wanted = CASES[case]
    files = wanted.make(tmp_path)
    name = f"onnx-{next(NUMBERS)}"
    create(name, files, tasks, wanted.ask)
    run = finished(task.find(name), "wrn")
    export(run, tmp_path / "model", onnx=True)
    x = np.load(files[0])["x"].transpose(0, 3, 1, 2) if case == "npz" else np.load(files[0])
    session = onnxruntime.InferenceSession(tmp_path / "model" / "model.onnx")
    (said,) = session.run(None, {"x": np.ascontiguousarray(x[:5])})
    expected = np.asarray(predict(run, files[:1]).values[:5], np.float32)
    if case == "npz":
        said = np.exp(said) / np.exp(said).sum(1, keepdims=True)
    np.testing.assert_allclose(said, expected, rtol=1e-3, atol=1e-4)
    facts = json.loads((tmp_path / "model" / "architecture.json").read_text())
    assert facts["output"]["names"] == list(wanted.names)
    assert facts["input"]["shape"] == ["batch", *wanted.shape]
    assert len(facts["normalisation"]["mean"]) == wanted.shape[0]
    written = json.loads((task.find(name).folder / "reading.json").read_text())
    assert facts["reading"] == written
    assert facts["reading"]["layout"] == ("NHWC" if case == "npz" else "NCL")


def read_parquet(file: Path) -> dict[str, list[Any]]:
    from pyarrow import parquet

    columns: dict[str, list[Any]] = parquet.read_table(file).to_pydict()
    return columns


def test_predictions_as_parquet(tasks: Path, tmp_path: Path) -> None:
    files = npz(tmp_path)
    name = f"own-{next(NUMBERS)}"
    create(name, files, tasks, Ask(reading=Reading(layout="NHWC")))
    predictions = predict(finished(task.find(name), "constant"), files)
    predictions.save(tmp_path / "said.parquet")
    found = read_parquet(tmp_path / "said.parquet")
    assert list(found) == ["sample", "class", "p(no)", "p(yes)"]
    assert len(found["class"]) == COUNT
