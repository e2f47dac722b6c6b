"""Sounds as people have them, in folders named by their class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kit.data.new_task import read
from kit.data.own import files
from kit.data.own.reading import Ask, Reading
from kit.errors import KitError

RANDOM = np.random.default_rng(0)


def sounds(root: Path, rate: Sequence[int] = (1000,), channels: Sequence[int] = (1,)) -> Path:
    for number in range(12):
        file = root / "sounds" / ("high", "low")[number % 2] / f"{number}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        wave = RANDOM.normal(size=(200 + number, channels[number % len(channels)])) / 9
        soundfile.write(file, wave, rate[number % len(rate)])
    return root / "sounds"


def test_sounds_of_many_rates_lengths_and_channels(tmp_path: Path) -> None:
    fixed = Ask(reading=Reading(size=(205,)))
    with pytest.raises(KitError, match=r"0\.wav has 1000 Hz, 1\.wav 2000 Hz; bring them to one"):
        read(sounds(tmp_path, rate=(1000, 2000)), fixed)
    with pytest.raises(KitError, match="sounds of one channel and of more; bring them to one"):
        read(sounds(tmp_path, channels=(1, 2)), fixed)
    root = sounds(tmp_path, channels=(2,))
    with pytest.raises(KitError, match="sounds of 200 to 211 samples; say --size LENGTH"):
        read(root)
    with pytest.raises(KitError, match="--size 205x3 is for images; say a length"):
        read(root, Ask(reading=Reading(size=(205, 3))))
    own = read(root, fixed)
    assert own.x.shape == (12, 2, 205)
    assert {"note     6 sounds cut", "note     5 sounds end in silence"} <= set(own.card)
    again = files.read([str(root / "low" / "11.wav")], Ask(reading=own.reading, answers=False))
    assert again.notes == ("1 sound cut",), "the rate is that of the task"
    (root / "low" / "1.wav").write_bytes(b"junk")
    with pytest.raises(KitError, match=r"low/1\.wav: no sound that can be read"):
        read(root, fixed)


def test_a_sound_of_which_a_part_is_missing(tmp_path: Path) -> None:
    root = sounds(tmp_path)
    fixed = Ask(reading=Reading(size=(205,)))
    file = root / "low" / "1.wav"
    whole = file.read_bytes()
    # As ffmpeg writes it to a pipe.
    at = whole.index(b"data") + 4
    file.write_bytes(whole[:at] + b"\xff" * 4 + whole[at + 4 :])
    assert len(read(root, fixed).x) == 12
    for content in (whole[:-101], _aiff(whole, tmp_path)[:-101]):
        file.write_bytes(content)
        with pytest.raises(KitError, match=r"low/1\.wav: a sound that ends too early; part of"):
            read(root, fixed)


def _aiff(wav: bytes, folder: Path) -> bytes:
    (folder / "a.wav").write_bytes(wav)
    soundfile.write(folder / "a.aiff", *soundfile.read(folder / "a.wav"))
    return (folder / "a.aiff").read_bytes()
