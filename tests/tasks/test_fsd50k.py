from __future__ import annotations

import io
import json
import subprocess
import sys
import wave
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import librosa
import numpy as np
import pytest
import soundfile
import torch

from kit import discovery, task
from kit.data.folds import Fold, TaskData
from kit.data.prepared import Prepared
from kit.errors import DataError, KitError
from kit.settings import DataConfig
from kit.task import Contents, Preparation
from tests.tasks.samples import prepared_sample, prepared_synthetic

FSD50K = task.find("fsd50k")
LABELS = json.dumps({f"l{number}": number for number in range(200)})


def module(name: str) -> ModuleType:
    return discovery.load("tasks", FSD50K.folder, name)


def prepare(folder: Path, tier: Any = "published") -> Contents:
    job = Preparation(
        tier=tier,
        raw=folder,
        samples={},
        workers=1,
        scratch=folder,
        progress=lambda *_: None,
    )
    contents: Contents = module("prepare").prepare(job)
    return contents


def noise(seconds: float = 1.0, seed: int = 0) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(seed)
    return (random.standard_normal(int(22_050 * seconds)) * 3000).astype("<i2")


def wav(values: Any, rate: int = 22_050, channels: int = 1) -> bytes:
    packed = io.BytesIO()
    with wave.open(packed, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(values.tobytes())
    return packed.getvalue()


def members() -> dict[str, Any]:
    """The smallest archive: one clip of two chunks to train on, one each to validate and test."""
    return {
        "audio/chunks/tr.csv": 'files,labels,ext\n/x/7_0001.wav,"l3,l1",7\nx/7_0000.wav,"l3,l1",7',
        "audio/chunks/val.csv": "files,labels,ext\nx/8_0000.wav,l0,8",
        "audio/chunks/eval.csv": "files,labels,ext\nx/9_0000.wav,l199,9",
        "audio/chunks/lbl_map.json": LABELS,
        "audio/wav/7_0001.wav": wav(noise(seed=1)),
        "audio/wav/7_0000.wav": wav(noise(seed=2)),
        "audio/wav/8_0000.wav": wav(noise(0.3, seed=3)),
        "audio/wav/9_0000.wav": wav(noise(seed=4)),
    }


def write(folder: Path, content: dict[str, Any]) -> Path:
    with zipfile.ZipFile(folder / "audio.zip", "w") as archive:
        for name, data in content.items():
            if data is not None:
                archive.writestr(name, data)
    return folder


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepared_synthetic(FSD50K, tmp_path_factory)


def fold(smoke: Prepared, role: str, **load: Any) -> Fold:
    config = DataConfig(roles={"final_fit": ("train",)}, load=load)
    return TaskData(FSD50K, smoke, torch.device("cpu")).fold(role, config)


def test_spectrogram_is_that_of_librosa() -> None:
    spectrum = module("spectrum")
    bank = librosa.filters.mel(sr=22_050, n_fft=1920, n_mels=96, htk=True, norm=None)
    assert np.abs(spectrum.filterbank() - bank).max() < 1e-6
    # A quiet half tells of the floor at 80 dB below the loudest.
    audio = noise(1.0).astype("f4") / 32768 * np.repeat([1, 1e-6], 11_025).astype("f4")
    # What torchaudio's spectrogram is made of.
    spectra = torch.stft(
        torch.from_numpy(audio),
        n_fft=1920,
        hop_length=220,
        win_length=661,
        window=torch.hann_window(661),
        return_complex=True,
    )
    powers = bank @ spectra.abs().square().numpy()
    wanted = librosa.power_to_db(powers)
    ours = spectrum.log_mel(audio)
    assert ours.shape == wanted.shape == (96, 101)
    assert ours.dtype == np.float32
    assert np.abs(ours - wanted).max() < 2e-3
    assert ours.max() - ours.min() == pytest.approx(80)
    assert np.allclose(spectrum.log_mel(np.zeros(22_050, "f4")), -100)


def test_clips_are_cut_as_by_the_baseline() -> None:
    chunks = module("audio").chunks
    assert [len(part) for part in chunks(np.arange(100.0))] == [22_050]
    assert chunks(np.arange(100.0))[0][:101].tolist() == [*range(100), 0]
    long = np.arange(30_000)
    parts = chunks(long)
    assert [part[0] for part in parts] == [0, 11_025, 22_050]
    assert all(len(part) == 22_050 for part in parts)
    assert parts[2].tolist() == np.resize(long[22_050:], 22_050).tolist()
    assert len(chunks(np.zeros(22_050))) == 2


def test_archive_is_read_into_ragged_clips(tmp_path: Path) -> None:
    content = {**members(), "audio/noise_22050/hum.wav": wav(noise(0.5, seed=5))}
    contents = prepare(write(tmp_path, content))
    arrays, log_mel = contents.arrays, module("spectrum").log_mel
    assert arrays["x-offsets"].tolist() == [0, 2, 3, 4]
    first = log_mel(noise(seed=2).astype("f4") / 32768)
    assert np.array_equal(arrays["x"][0, 0], first.astype("f2")), "chunks in the order of names"
    short = np.resize(noise(0.3, seed=3), 22_050).astype("f4") / 32768
    assert np.array_equal(arrays["x"][2, 0], log_mel(short).astype("f2"))
    assert [np.flatnonzero(row).tolist() for row in arrays["y"]] == [[1, 3], [0], [199]]
    assert arrays["y"].dtype == np.uint8
    assert {name: fold.tolist() for name, fold in contents.folds.items()} == {
        "train": [0],
        "val": [1],
        "test": [2],
    }
    assert arrays["shared-noise"].shape == (101, 96)
    assert arrays["shared-noise-offsets"].tolist() == [0, 101]


def test_preparation_goes_on_where_it_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {**members(), "audio/wav/9_0000.wav": b"RIFF"}
    monkeypatch.setattr(module("clips"), "BLOCK", 1)
    with pytest.raises(DataError, match="9_0000"):
        prepare(write(tmp_path, broken))
    transformed: list[int] = []
    log_mel = module("spectrum").log_mel

    def counted(audio: Any) -> Any:
        transformed.append(len(audio))
        return log_mel(audio)

    monkeypatch.setattr(module("published"), "log_mel", counted)
    resumed = prepare(write(tmp_path, members()))
    assert len(transformed) == 1
    (tmp_path / "whole").mkdir()
    whole = prepare(write(tmp_path / "whole", members()))
    assert np.array_equal(resumed.arrays["x"], whole.arrays["x"])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("chunks/val.csv", None, r"audio\.zip: there is no chunks/val\.csv"),
        ("chunks/val.csv", "files,labels\nx/8_0000.wav,l0", r"val\.csv: there is no column 'ext'"),
        ("chunks/val.csv", "files,labels,ext\nx/8_0000.wav,l0", r"val\.csv: line 2 has too few"),
        ("chunks/val.csv", "files,labels,ext\n", r"val\.csv: it names no clip"),
        ("chunks/val.csv", "files,labels,ext\na.wav,dog,8", r"line 2: 'dog' is not in lbl_map\.js"),
        ("chunks/val.csv", "files,labels,ext\na.wav,l0,7", "name clip '7' twice"),
        ("chunks/val.csv", "files,labels,ext\n9_0000.wav,l0,8", r"chunk '9_0000\.wav' twice"),
        ("chunks/val.csv", b"\xff\xfe", r"val\.csv: not a text file"),
        ("chunks/lbl_map.json", "{", r"lbl_map\.json: not JSON"),
        ("chunks/lbl_map.json", '{"l0": 0}', r"not a map of 200 labels to 0\.\.199"),
        ("wav/8_0000.wav", None, r"there is no chunk 8_0000\.wav, which a manifest names"),
        ("wav/8_0000.wav", b"no sound at all", r"8_0000\.wav: not a WAV file"),
        ("wav/8_0000.wav", b"", r"8_0000\.wav: not a WAV file \(it ends too early\)"),
        ("wav/8_0000.wav", wav(noise())[:9999], r"cut short; it has 4977 of 22050 samples"),
        ("wav/8_0000.wav", wav(noise(0)), "no sample of audio in it"),
        ("wav/8_0000.wav", wav(noise(2.0)), "has 44100 samples, not 22050"),
        ("wav/8_0000.wav", wav(noise(), rate=44_100), "1 channels of 16 bits at 44100 Hz, not 1"),
        ("wav/8_0000.wav", wav(noise(), channels=2), "2 channels of 16 bits"),
        ("../8_0000.wav", b"", "leads out of the folder"),
    ],
)
def test_wrong_archives_are_told_by_file_and_field(
    tmp_path: Path, name: str, content: Any, message: str
) -> None:
    with pytest.raises(DataError, match=message) as told:
        prepare(write(tmp_path, {**members(), f"audio/{name}": content}))
    assert "\n" not in str(told.value)


def test_an_archive_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, members()) / "audio.zip"
    file.write_bytes(file.read_bytes()[:50_000])
    with pytest.raises(DataError, match=r"audio\.zip"):
        prepare(tmp_path)


def test_evaluation_sees_every_chunk_of_a_clip(smoke: Prepared) -> None:
    batch = fold(smoke, "test").samples
    offsets, clips = smoke.array("x-offsets"), smoke.fold("test")
    counts = [offsets[clip + 1] - offsets[clip] for clip in clips]
    assert batch.unit_id.tolist() == np.repeat(clips, counts).tolist()
    chunk = smoke.array("x")[offsets[clips[0]]].astype("f4")
    assert np.allclose(batch.x[0], chunk - chunk.mean(), atol=1e-4)
    assert batch.x.mean(dim=(1, 2, 3)).abs().max() < 1e-3
    assert batch.y[0].tolist() == smoke.array("y")[clips[0]].tolist()
    assert max(counts) > 1


def test_training_draws_one_chunk_of_a_clip(smoke: Prepared) -> None:
    training = fold(smoke, "final_fit", mix=0.0, mask=0.0)
    assert len(training) == 16
    offsets, seen = smoke.array("x-offsets"), set()
    torch.manual_seed(0)
    clip = int(np.argmax(np.diff(offsets[:17])))
    chunks = smoke.array("x")[offsets[clip] : offsets[clip + 1]].astype("f4")
    for _ in range(30):
        x = training.first(clip + 1).x[clip]
        near = [np.allclose(x, each - each.mean(), atol=1e-4) for each in chunks]
        assert sum(near) == 1
        seen.add(near.index(True))
    assert seen == set(range(len(chunks)))


def test_bands_are_masked_with_the_lowest_value(smoke: Prepared) -> None:
    torch.manual_seed(0)
    masked = fold(smoke, "final_fit", mix=0.0, mask=1.0).samples.x[:, 0]
    lowest = masked == masked.amin(dim=(1, 2), keepdim=True)
    rows, columns = lowest.all(2).sum(1), lowest.all(1).sum(1)
    assert rows.max() <= 2 * int(0.15 * 96)
    assert columns.max() <= 2 * int(0.2 * 101)
    assert ((rows > 0) & (columns > 0)).sum() > 8
    plain = fold(smoke, "final_fit", mix=0.0, mask=0.0).samples.x[:, 0]
    assert not (plain == plain.amin(dim=(1, 2), keepdim=True)).all(2).any()


def test_noise_is_mixed_in_up_to_its_weight(smoke: Prepared) -> None:
    """With each chunk's own part taken away, what is left is a part of a noise file."""
    loader: Any = fold(smoke, "final_fit", mask=0.0, mix=1.0).loader
    torch.manual_seed(0)
    mixed = loader._mixed(torch.zeros(200, 1, 96, 101))
    starts = np.diff(smoke.array("shared-noise-offsets"))
    assert len(starts) == 2
    weights = mixed.std(dim=(1, 2, 3))
    assert weights.min() < 0.1 * weights.max()
    whole = smoke.array("shared-noise").astype("f4")
    assert weights.max() < 0.55 * whole.std()
    file = whole[: starts[0]] - whole[: starts[0]].mean()
    parts = [file[at : at + 101].T.ravel() for at in range(starts[0] - 100)]
    likeness = np.corrcoef(np.stack([*parts, *mixed[:40].flatten(1).numpy()]))
    best = likeness[len(parts) :, : len(parts)].max(axis=1)
    assert ((best > 0.999) | (best < 0.9)).all(), "of this file, or of the other"
    assert 8 < (best > 0.999).sum() < 32
    never: Any = fold(smoke, "final_fit", mask=0.0, mix=0.0).loader
    assert not never._mixed(torch.zeros(9, 1, 96, 101)).any()


def test_flac_files_are_resampled_and_labelled_by_their_prefix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "samples" / "deep"
    folder.mkdir(parents=True)
    time = np.arange(44_100) / 44_100
    for name in ("bell_a", "bell_b", "bell_c", "drum_a", "drum_b", "drum_c"):
        tone = 0.5 * np.sin(2 * np.pi * 1000 * time)
        soundfile.write(folder / f"{name}.flac", np.stack([tone, tone], 1), 44_100)
    contents = prepare(tmp_path, "sample")
    assert np.diff(contents.arrays["x-offsets"]).tolist() == [2] * 6
    assert [len(contents.folds[name]) for name in ("train", "val", "test")] == [2, 2, 2]
    assert contents.arrays["y"][:, :2].sum(0).tolist() == [3, 3]
    peak = contents.arrays["x"][0, 0, :, 50].argmax()
    assert module("spectrum").filterbank()[peak].argmax() == pytest.approx(1000 / 11.484375, abs=2)
    (folder / "gong_a.flac").write_bytes(b"fLaC and nothing else")
    with pytest.raises(DataError, match=r"gong_a\.flac: not a readable FLAC file"):
        prepare(tmp_path, "sample")
    with pytest.raises(DataError, match="a: no sample of audio in it"):
        module("audio")._checked("a", np.zeros(0))
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(KitError, match=r"bell_.\.flac needs soundfile: pip install -e '\."):
        prepare(tmp_path, "sample")
    with pytest.raises(DataError, match="nowhere: 0 labels in 0 FLAC files"):
        module("sample").read_folder(tmp_path / "nowhere", tmp_path, print)


def test_recordings_of_the_package() -> None:
    data = prepared_sample("fsd50k")
    y = data.array("y")
    assert len(y) == 165
    assert y.sum(0)[:14].min() >= 3
    assert not y[:, 14:].any()


STREAMED = """
import resource
from kit import discovery, task
from kit.data import prepared, raw, writing
from kit.data.preparing import prepare

found = task.find("fsd50k")
write_archive = discovery.load("tasks", found.folder, "synthetic").write_archive
archive = raw.folder_of(found) / "audio.zip"
archive.parent.mkdir(parents=True)
writing.BLOCK = 1 << 18
write_archive(archive, {"train": 8, "val": 2, "test": 2})
prepare(found, "published", "paper")
write_archive(archive, {"train": 300, "val": 2, "test": 2})
with open("/proc/self/status") as status:
    held = int(next(line for line in status if line.startswith("VmData")).split()[1]) << 10
resource.setrlimit(resource.RLIMIT_DATA, (held + 6_000_000, -1))
prepare(found, "published", "paper")
print(prepared.folder_of(found, "published", "paper").joinpath("x.npy").stat().st_size)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux counts it")
def test_an_archive_larger_than_memory_is_prepared() -> None:
    """With less memory to spare than the spectrograms take, let alone the archive."""
    done = subprocess.run(
        [sys.executable, "-c", STREAMED], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 11_000_000
