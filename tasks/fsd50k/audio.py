"""Reading audio: WAV chunks of the published archive, and FLAC files of any sampling rate."""

from __future__ import annotations

import io
import math
import struct
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kit import extras
from kit.data import bounded, checks
from kit.errors import DataError, KitError

from .spectrum import RATE

Array = npt.NDArray[np.float32]
# In Hz. A higher rate comes from a damaged header, and resampling from it would take all memory.
HIGHEST_RATE = 1_000_000


@contextmanager
def opened_wav(place: str, content: bytes) -> Iterator[wave.Wave_read]:
    """Open a WAV file.

    Args:
        place: name of the file, for error messages.
        content: the file.

    Raises:
        DataError: the header is damaged, or the block that reads the file meets its end.
    """
    try:
        with wave.open(io.BytesIO(content)) as file:
            if not 0 < file.getframerate() <= HIGHEST_RATE:
                raise wave.Error(f"its sampling rate is {file.getframerate()} Hz")
            yield file
    except (wave.Error, EOFError, RuntimeError, struct.error) as error:
        raise DataError(f"{place}: not a WAV file ({str(error) or 'it ends too early'})") from None


def read_wav(place: str, content: bytes) -> Array:
    """Return the samples of a WAV file in -1..1; shorter than a second, they are repeated.

    Args:
        place: name of the file, for error messages.
        content: the file: mono, 16 bits, 22,050 Hz.

    Raises:
        DataError: the file has another format, is truncated or is empty.
    """
    with opened_wav(place, content) as file:
        audio_format = file.getnchannels(), 8 * file.getsampwidth(), file.getframerate()
        stated, frames = file.getnframes(), file.readframes(file.getnframes())
    if audio_format != (1, 16, RATE):
        words = f"{audio_format[0]} channels of {audio_format[1]} bits at {audio_format[2]} Hz"
        raise DataError(f"{place}: {words}, not 1 of 16 at {RATE}")
    if len(frames) != 2 * stated:
        raise DataError(f"{place}: cut short; it has {len(frames) // 2} of {stated} samples")
    values = np.frombuffer(frames, "<i2").astype(np.float32) / np.float32(32768)
    return lengthened(_checked(place, values))


def read_flac(file: Path) -> Array:
    """Return the samples of a FLAC file, averaged over channels and resampled to 22,050 Hz.

    Raises:
        DataError: the file is not a FLAC file, is truncated or is empty.
        KitError: soundfile is not installed.
    """
    from scipy.signal import resample_poly

    try:
        import soundfile
    except ModuleNotFoundError:
        raise KitError(f"{file.name} needs soundfile: {extras.install('audio')}") from None
    try:
        with soundfile.SoundFile(file) as stream:
            if stream.frames * stream.channels * 4 > bounded.room(file.stat().st_size):
                raise DataError(f"{file.name}: it says that it is longer than it can be")
            values, rate = stream.read(dtype="float32", always_2d=True), stream.samplerate
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(".")
        raise DataError(f"{file.name}: not a readable FLAC file ({reason})") from None
    mono = values.mean(axis=1)
    common = math.gcd(RATE, rate)
    if len(mono) and rate != RATE:
        mono = resample_poly(mono, RATE // common, rate // common)
    return _checked(file.name, np.asarray(mono, np.float32))


def lengthened(values: Array) -> Array:
    """Return audio of at least one second; shorter audio is repeated."""
    return values if len(values) >= RATE else np.resize(values, RATE)


def chunks(values: Array) -> list[Array]:
    """Return chunks of one second that begin every half second; shorter ones are repeated.

    FSD50K's baseline systems cut clips in this way: the rest at the end also gives a chunk.
    """
    step = RATE // 2 if len(values) >= RATE else RATE
    return [lengthened(values[start : start + RATE]) for start in range(0, len(values), step)]


def _checked(place: str, values: Array) -> Array:
    """Check that audio is not empty and finite, and return it."""
    if len(values) == 0:
        raise DataError(f"{place}: no sample of audio in it")
    return checks.finite(place, values)
