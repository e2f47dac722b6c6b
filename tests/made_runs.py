"""Made-up runs on disk, for tests of whatever reads results."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec

from kit import method, task
from kit.files import write_bytes, write_json
from kit.runs.folder import RunFolder
from kit.runs.integrity import sealed
from kit.runs.records import (
    SCHEMA,
    ArchitectureRecord,
    Artifact,
    MetricValue,
    Provenance,
    Result,
    StageRecord,
    Status,
)
from kit.spec import Profile, Protocol, RunSpec, Tier

LAYERS = ("conv1", *(f"blocks.{block}.conv{n}" for block in range(6) for n in (1, 2)))
UNITS = {"zero-one-error": "%", "false-negative-rate": "%", "mae8": "angstrom"}


def make_run(
    task_name: str = "darcy-flow",
    method_name: str = "dash",
    seed: int = 0,
    value: float | None = 0.1,
    *,
    profile: Profile = "lite",
    protocol: Protocol = "released",
    tier: Tier | None = None,
    epochs: int = 3,
    log: str = "all is well\n",
    root: Path | None = None,
    gpu_memory: int | None = None,
    digest: bool = False,
    **changes: Any,
) -> Result:
    """Write the folder of a finished run; ``changes`` replace fields of its spec.

    Only with ``digest`` do edits of its result count as such; most tests edit it.
    """
    found = task.find(task_name)
    plain = method.find(method_name).spec(
        found, seed, protocol=protocol, profile=profile, tier=tier or found.tiers[-1]
    )
    spec = msgspec.structs.replace(plain, **changes)
    folder = RunFolder(spec, root)
    weights = f"weights of {spec.id}".encode()
    made = _result(spec, value, hashlib.sha256(weights).hexdigest(), gpu_memory)
    write_bytes(folder.path / "artifacts" / "weights.pt", weights)
    write_json(folder.path / "spec.json", spec)
    write_bytes(folder.log, log.encode())
    write_bytes(folder.history, _history(method_name, epochs).encode())
    status = Status(state="succeeded", heartbeat="2026-01-01T00:00:00+00:00", pid=1)
    write_json(folder.path / "status.json", status)
    write_json(folder.path / "engine.json", {"engine": "local", "pid": 1, "gpu": None})
    write_bytes(folder.path / "run.lock", b"")
    made = sealed(made, folder.history) if digest else made
    write_json(folder.result, made)
    return made


def _result(spec: RunSpec, value: float | None, weights: str, memory: int | None) -> Result:
    found = task.find(spec.task) if spec.task in task.names() else task.find("darcy-flow")
    nothing = dict.fromkeys(("cuda", "driver", "device_uuid", "image_id", "image_digest"))
    searched = [[name, 3 + 2 * (n % 4), (1, 3, 7, 15)[n % 4]] for n, name in enumerate(LAYERS)]
    return Result(
        schema=SCHEMA,
        spec=spec,
        metrics={
            name: MetricValue(
                value=value,
                unit=UNITS.get(name, "fraction"),
                aggregation="mean over samples",
                n_units=4,
                n_undefined=0,
            )
            for name in found.metrics
        },
        stages={"retrain": StageRecord(active_seconds=12.5, sessions=1, gpu_memory=memory)},
        architecture=ArchitectureRecord(kind="kernel-dilation", version=1, value=searched)
        if "dash" in spec.method
        else None,
        artifacts=[Artifact(name="artifacts/weights.pt", format="torch", sha256=weights)],
        parameters=1234567,
        macs=987654321,
        code_hash="c" * 64,
        provenance=Provenance(
            started="2026-01-01T00:00:00+00:00",
            ended="2026-01-01T00:01:00+00:00",
            git_sha="a" * 40,
            git_dirty=False,
            python="3.11.7",
            torch="2.13.0",
            device="CPU",
            processor="Made up 1.2 AVX2",
            threads=1,
            data="d" * 64,
            **nothing,
        ),
    )


def _history(name: str, epochs: int) -> str:
    lines: list[dict[str, Any]] = []
    for stage in ("search", "retrain") if "dash" in name else ("train",):
        for epoch in range(epochs):
            line: dict[str, Any] = {"stage": stage, "epoch": epoch, "seconds": epoch + 1.0}
            line["loss"] = 1 / (epoch + 1)
            if stage == "search":
                line |= {"entropy": 2.7 / (epoch + 1), "alpha": [[epoch / 10, -epoch / 10]] * 2}
            lines.append(line)
    return "".join(json.dumps(line) + "\n" for line in lines)
