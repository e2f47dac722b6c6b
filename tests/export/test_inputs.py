"""Files for predictions of another kind than the task was made of: a line without options of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from kit import task
from kit.data.new_task import create
from kit.data.own.reading import Ask, Reading
from kit.errors import DataError
from kit.export import inputs
from kit.settings import DataConfig

COUNT = 20
RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A task of each kind of files, and the files that they were made of."""
    tmp_path = tmp_path_factory.mktemp("made")
    tasks = tmp_path / "tasks"
    x = RANDOM.normal(size=(COUNT, 3))
    rows = [f"{a},{b},{number % 2}" for number, (a, b, _) in enumerate(x)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,label", *rows]) + "\n")
    steps = [f"{number // 2},{a},{number // 2 % 2}" for number, (a, *_) in enumerate(x)]
    (tmp_path / "s.csv").write_text("\n".join(["who,a,label", *steps]) + "\n")
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(COUNT) % 2)
    for number in range(COUNT):
        for kind in ("images", "sounds"):
            (tmp_path / kind / str(number % 2)).mkdir(parents=True, exist_ok=True)
        image = RANDOM.integers(0, 255, (8, 8 + number % 2, 3), dtype=np.uint8)
        Image.fromarray(image).save(tmp_path / "images" / str(number % 2) / f"{number}.png")
        wave = RANDOM.normal(size=64 + number) / 9
        soundfile.write(tmp_path / "sounds" / str(number % 2) / f"{number}.wav", wave, 1000)
    create("of-table", tmp_path / "t.csv", tasks)
    create("of-steps", tmp_path / "s.csv", tasks, Ask(reading=Reading(sequence="who")))
    create("of-arrays", tmp_path / "a.npz", tasks)
    create("of-images", tmp_path / "images", tasks, Ask(reading=Reading(size=(8, 8))))
    create("of-sounds", tmp_path / "sounds", tasks, Ask(reading=Reading(size=(64,))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_TASKS", str(tasks))
        yield tmp_path


TOLD = {
    ("of-table", "images"): "a folder, and the task was made of a table; give what it was made of",
    ("of-table", "images/0/0.png"): "an image or a sound, and the task was made of a table",
    ("of-steps", "sounds"): "a folder, and the task was made of a table",
    ("of-arrays", "images"): "a folder, and the task was made of arrays",
    ("of-arrays", "t.csv"): "a table, and the task was made of arrays",
    ("of-images", "t.csv"): "a table, and the task was made of images",
    ("of-images", "sounds"): "has sounds, and the task was made of images",
    ("of-sounds", "images"): "has images, and the task was made of sounds",
    ("of-sounds", "images/0/0.png"): "has images, and the task was made of sounds",
}


@pytest.mark.parametrize(("name", "given"), TOLD)
def test_other_kinds_of_files(made: Path, name: str, given: str) -> None:
    with pytest.raises(DataError, match=TOLD[name, given]) as raised:
        inputs.read([str(made / given)], task.find(name), DataConfig())
    assert "--" not in str(raised.value).replace(str(made), "")


def test_files_of_the_same_kind(made: Path) -> None:
    for name, given in (("of-table", "t.csv"), ("of-steps", "s.csv"), ("of-images", "images")):
        x, _ = inputs.read([str(made / given)], task.find(name), DataConfig())
        assert x.shape[1:] == task.find(name).sample_shape
    x, _ = inputs.read([str(made / "sounds/0/0.wav")], task.find("of-sounds"), DataConfig())
    assert x.shape == (1, 1, 64)


def test_samples_of_other_lengths_and_axes(made: Path) -> None:
    (made / "other.csv").write_text("who,a\n0,1.5\n0,2.5\n1,3.5\n")
    words = "samples have 1 to 2 rows; the task was made of samples of one length"
    with pytest.raises(DataError, match=words) as raised:
        inputs.read([str(made / "other.csv")], task.find("of-steps"), DataConfig())
    assert "--" not in str(raised.value).replace(str(made), "")
    np.save(made / "x.npy", np.zeros((2, 4)))
    with pytest.raises(DataError, match=r"x is \(2, 4\), not \(samples, 3\) \(NL\)$"):
        inputs.read([str(made / "x.npy")], task.find("of-arrays"), DataConfig())
    np.save(made / "x.npy", np.zeros((2, 3, 4)))
    with pytest.raises(DataError, match=r"x is \(2, 3, 4\), which has not the axes NL$"):
        inputs.read([str(made / "x.npy")], task.find("of-arrays"), DataConfig())


@pytest.mark.parametrize(
    ("axes", "shape", "words"),
    [
        ("NHWC", (2, 3, 5, 4), r"x is \(2, 3, 5, 4\), not \(samples, 5, 4, 3\) \(NHWC\)$"),
        ("CNT", (3, 2, 9), r"x is \(3, 2, 9\), not \(3, samples, 6\) \(CNT\)$"),
        ("NC", (2, 4), r"x is \(2, 4\), not \(samples, 3\) \(NC\)$"),
        ("NDHWC", (2, 3, 5, 4, 1), r"x is \(2, 3, 5, 4\), not \(samples, 6, 5, 4\)$"),
    ],
)
def test_shapes_are_told_in_the_axes_of_the_file(
    axes: str, shape: tuple[int, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"of-{axes.lower()}"
    sizes = {"N": COUNT, "C": 3, "T": 6, "D": 2, "H": 5, "W": 4}
    x = RANDOM.normal(size=[sizes[axis] for axis in axes])
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(COUNT) % 2)
    monkeypatch.setenv("KIT_TASKS", str(tmp_path / "tasks"))
    create(name, tmp_path / "a.npz", tmp_path / "tasks", Ask(reading=Reading(layout=axes)))
    np.save(tmp_path / "new.npy", np.zeros(shape))
    with pytest.raises(DataError, match=words):
        inputs.read([str(tmp_path / "new.npy")], task.find(name), DataConfig())
