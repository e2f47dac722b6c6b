"""The files of a run folder, as strict structs."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from kit.spec import RunSpec

SCHEMA = 1
State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Failure = Literal[
    "method", "oom", "gpu-oom", "timeout", "infrastructure", "disk", "data", "cancelled"
]


class MetricValue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One score.

    Attributes:
        value: None where it is not a number.
        unit: ``%``, ``fraction``, ``angstrom``, ...
        aggregation: over what it is a mean, in words.
        n_units: how many units were scored.
        n_undefined: on how many of them the metric has no value.
    """

    value: float | None
    unit: str
    aggregation: str
    n_units: int
    n_undefined: int


class StageRecord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a stage cost.

    Attributes:
        active_seconds: at work, summed over its sessions; a resumed run has several.
        gpu_memory: bytes that tensors took of a GPU at most, up to its end in its last session.
    """

    active_seconds: float
    sessions: int
    gpu_memory: int | None = None


class Artifact(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that a run leaves behind, below its folder."""

    name: str
    format: str
    sha256: str


class Architecture(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a search found; ``kind`` says how to read ``value``."""

    kind: Literal["kernel-dilation", "genotype", "blocks", "trees"]
    version: int
    value: Any


class Provenance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where and with what a run was made; no part of its identity.

    ``image_pinned`` says whether the image was the one of the lock; None outside of containers.
    """

    started: str
    ended: str
    git_sha: str | None
    git_dirty: bool | None
    python: str
    torch: str
    cuda: str | None
    driver: str | None
    device: str
    device_uuid: str | None
    threads: int
    image_id: str | None
    image_digest: str | None
    data: str
    image_pinned: bool | None = None


class Result(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A finished run.

    Attributes:
        history: the SHA-256 of ``history.jsonl``; None where there was none.
        digest: over all the rest (``kit.runs.integrity``); None in results of older kits.
    """

    schema: int
    spec: RunSpec
    metrics: dict[str, MetricValue]
    stages: dict[str, StageRecord]
    architecture: Architecture | None
    artifacts: list[Artifact]
    parameters: int | None
    macs: int | None
    code_hash: str
    provenance: Provenance
    history: str | None = None
    digest: str | None = None


class Status(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a run stands; only the run process writes it."""

    state: State
    heartbeat: str
    pid: int
    stage: str | None = None
    epoch: int | None = None
    epochs: int | None = None
    loss: float | None = None
    failure: Failure | None = None
    message: str | None = None


class Attempt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a run was started and, once it is over, how it ended; only the queue writes it.

    Attributes:
        engine: its name.
        reference: by which the engine finds the run again.
        gpus: UUIDs, none for the CPU.
        number: of the attempt, from 1; infrastructure failures are tried again.
        code: of the process, None while it runs or where nobody knows.
        failure: None while it runs, and after a success.
    """

    engine: str
    reference: str
    gpus: tuple[str, ...]
    number: int
    started: str
    ended: str | None = None
    code: int | None = None
    failure: Failure | None = None
    message: str | None = None
