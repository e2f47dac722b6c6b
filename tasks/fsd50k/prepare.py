"""Preparing FSD50K: log-mel spectrograms of the chunks of each clip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kit.data.split import in_order
from kit.task import Contents, Preparation

from .clips import Clip, Store, label_matrix, offsets
from .published import read_chunks, read_manifests, read_noise
from .rebuilt import read as read_rebuilt
from .sample import read_folder
from .synthetic import write_archive

COUNT = {"train": 64, "val": 16, "test": 24}


def prepare(job: Preparation) -> Contents:
    """Return all clips and the folds over them; x has the chunks of each clip, ragged."""
    if job.tier == "sample":
        folds, store = read_folder(job.raw / "samples", job.scratch, job.progress)
        return _contents(folds, store, {}, {"labels": "prefix of the file name"})
    if job.tier == "rebuilt":
        rebuilt, values, musan = read_rebuilt(job)
        origin = {"resampled by": "scipy.signal.resample_poly"}
        return _contents(rebuilt, values, dict(zip(NOISE_ARRAYS, musan, strict=True)), origin)
    archive = job.raw / "audio.zip"
    if job.tier == "synthetic":
        counts = {name: job.samples.get(name, count) for name, count in COUNT.items()}
        archive = write_archive(job.scratch / "audio.zip", counts)
    folds = read_manifests(archive)
    names = [chunk for clips in folds.values() for clip in clips for chunk in clip.chunks]
    store = Store(job.scratch, len(names))
    read_chunks(archive, store, {name: row for row, name in enumerate(names)}, job.progress)
    noise = read_noise(archive)
    shared = {} if noise is None else dict(zip(NOISE_ARRAYS, noise, strict=True))
    return _contents(folds, store, shared, {})


# Noise files joined, (frames, 96), and the first frame of each.
NOISE_ARRAYS = ("shared-noise", "shared-noise-offsets")


def _contents(
    folds: Mapping[str, list[Clip]],
    store: Store,
    shared: Mapping[str, Any],
    origin: Mapping[str, Any],
) -> Contents:
    clips = [clip for fold in folds.values() for clip in fold]
    arrays = {
        "x": store.values,
        "x-offsets": offsets(clips),
        "y": label_matrix(clips),
        "unit_id": np.arange(len(clips)),
        **shared,
    }
    return Contents(
        arrays=arrays,
        folds=in_order({name: len(fold) for name, fold in folds.items()}),
        origin={**origin, "unit": "dB"},
    )
