"""Reading sound files by soundfile."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from kit import extras
from kit.columns import plural
from kit.data import bounded
from kit.data.own.reading import Array, Reading, one_length
from kit.errors import DataError, KitError

# Programs that write a WAV file to a pipe do not know its length: they state one above this.
LENGTH_UNKNOWN = 0x7FFF_0000


def sounds(place: str, files: Sequence[Path], reading: Reading) -> tuple[Array, Reading, list[str]]:
    """Return sounds (samples, channels, n) in -1..1, the reading with length and rate, and notes.

    Args:
        place: the folder, for messages.
        files: the sounds.
        reading: length and sampling rate, if stated.

    Raises:
        DataError: a sound is damaged, cut off or empty; they differ in rate or channels; they
            differ in length and none is stated; or a size of images is stated.
        KitError: soundfile is not installed.
    """
    if find_spec("soundfile") is None:
        raise KitError(f"sounds need soundfile: {extras.install('audio')}")
    one_length(place, reading.size)
    waves: list[Array] = []
    rates: dict[int, Path] = {}
    for file in files:
        wave, rate = _read(file)
        waves.append(wave)
        rates.setdefault(rate, file)
    if reading.rate:
        rates.setdefault(reading.rate, Path("the task"))
    if len(rates) > 1:
        (one, a), (other, b) = list(rates.items())[:2]
        raise DataError(f"{place}: {a.name} has {one} Hz, {b.name} {other} Hz; bring them to one")
    if len({len(wave) for wave in waves}) > 1:
        raise DataError(f"{place} has sounds of one channel and of more; bring them to one number")
    lengths = [wave.shape[1] for wave in waves]
    if not reading.size and min(lengths) < max(lengths):
        raise DataError(
            f"{place}: sounds of {min(lengths)} to {max(lengths)} samples; say --size LENGTH, and "
            "longer ones are cut, shorter ones end in silence"
        )
    length = reading.size[0] if reading.size else lengths[0]
    notes = [] if reading.rate else [f"{next(iter(rates))} Hz"]
    if cut := sum(each > length for each in lengths):
        notes.append(f"{plural(cut, 'sound')} cut")
    if short := sum(each < length for each in lengths):
        notes.append(f"{plural(short, 'sound')} {'ends' if short == 1 else 'end'} in silence")
    x = np.zeros((len(waves), len(waves[0]), length), np.float32)
    for row, wave in zip(x, waves, strict=True):
        row[:, : min(length, wave.shape[1])] = wave[:, :length]
    return x, replace(reading, size=(length,), rate=next(iter(rates))), notes


def _read(file: Path) -> tuple[Array, int]:
    """Return a sound (channels, n) in -1..1, and its sampling rate in Hz.

    Raises:
        DataError: it is damaged, cut off or empty.
    """
    import soundfile

    try:
        with soundfile.SoundFile(file) as sound:
            size = 4 * sound.frames * sound.channels
            # A damaged header may claim terabytes, which soundfile would allocate.
            if size > bounded.room(file.stat().st_size):
                raise DataError(f"{file}: a sound that claims {size} bytes")
            wave = sound.read(dtype="float32", always_2d=True)
            cut_off = _cut_off(sound.extra_info) or len(wave) < sound.frames
            rate = int(sound.samplerate)
    except (soundfile.LibsndfileError, OSError) as error:
        raise DataError(f"{file}: no sound that can be read ({error})") from None
    if len(wave) == 0:
        raise DataError(f"{file}: a sound without samples")
    if cut_off:
        raise DataError(f"{file}: a sound that ends too early; part of the file is missing")
    return wave.T, rate


def _cut_off(header: str) -> bool:
    """Tell whether a WAV or AIFF file has fewer bytes than its header says.

    Args:
        header: what libsndfile tells of it.
    """
    found = re.search(r"^ *(?:data|SSND) *: (\d+) \(should be (\d+)\)", header, re.M)
    return found is not None and int(found[2]) < int(found[1]) < LENGTH_UNKNOWN
