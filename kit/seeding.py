"""Randomness is keyed: what is drawn depends on the seed and the stream, never on history.

A resumed epoch therefore draws what the undisturbed one drew.
"""

from __future__ import annotations

import hashlib

import numpy as np


def key(seed: int, *stream: str | int) -> int:
    """Return a 63-bit number for a seed and a stream, the same in every process and release."""
    text = "\x1f".join([str(seed), *map(str, stream)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *stream: str | int) -> np.random.Generator:
    """Return a fresh numpy generator for a seed and a stream."""
    return np.random.default_rng(key(seed, *stream))
