"""The files of a run folder, as strict structs."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from kit.files import decode_json
from kit.spec import FORMER, RunSpec

SCHEMA = 2
# Version 1 had an architecture of four kinds only, a field ``trial`` in specs, always null, and the
# setting ``variant`` by another name.
READABLE = (1, SCHEMA)
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


class ArchitectureRecord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a search found; ``kind``, which the method knows, says how to read ``value``."""

    kind: str
    version: int
    value: Any


class Provenance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where and with what a run was made; no part of its identity.

    ``image_pinned`` says whether the image was the one of the lock; None outside of containers.
    ``processor`` is what computed, where that was no GPU: another kind adds up in another order, or
    with other roundings. None in results of older kits.
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
    processor: str | None = None


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
    architecture: ArchitectureRecord | None
    artifacts: list[Artifact]
    parameters: int | None
    macs: int | None
    code_hash: str
    provenance: Provenance
    history: str | None = None
    digest: str | None = None

    @property
    def seconds(self) -> float:
        """Seconds at work, all stages together."""
        return sum(stage.active_seconds for stage in self.stages.values())


def decode_spec(content: bytes) -> RunSpec:
    """Return the spec in a ``spec.json`` of any readable schema.

    Raises:
        msgspec.DecodeError: there is none.
    """
    return msgspec.convert(_of_today(decode_json(content, dict[str, Any])), RunSpec)


def decode_result(content: bytes) -> Result:
    """Return the result in a ``result.json`` of any readable schema.

    Raises:
        ValueError: it is of another schema, or not whole.
    """
    schema = decode_json(content, _Schema).schema
    if schema not in READABLE:
        raise ValueError(f"schema {schema} instead of {SCHEMA}")
    if schema == SCHEMA:
        return decode_json(content, Result)
    document = decode_json(content, dict[str, Any])
    if isinstance(document.get("spec"), dict):
        document["spec"] = _of_today(document["spec"])
    return msgspec.convert(document, Result)


class _Schema(Struct):
    schema: int


def _of_today(spec: dict[str, Any]) -> dict[str, Any]:
    spec = {name: value for name, value in spec.items() if (name, value) != ("trial", None)}
    if isinstance(spec.get("settings"), dict):
        today = {former: name for name, former in FORMER.items()}
        settings = {today.get(name, name): value for name, value in spec["settings"].items()}
        spec["settings"] = settings
    return spec


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
        engine: which of them started it, such as ``docker``.
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
