"""The result of a run: its scores, what it cost, and where and with what it was made."""

from __future__ import annotations

import os
from typing import Any

import msgspec
import torch

from kit.base.context import Context
from kit.base.method import Method
from kit.engines import devices
from kit.files import sha256
from kit.method import MethodInfo
from kit.runs import provenance
from kit.runs.folder import now
from kit.runs.records import SCHEMA, Artifact, MetricValue, Provenance, Result, StageRecord

IMAGE_PINNED = {"0": False, "1": True}


def result_of(
    info: MethodInfo,
    the_method: Method[Any],
    context: Context,
    metrics: dict[str, MetricValue],
    started: str,
) -> Result:
    """Return the result of a run whose stages have ended, with where and how it was made.

    Args:
        info: of the method.
        the_method: of the run.
        context: of the run.
        metrics: scores on the test fold.
        started: when this session of the run began.
    """
    outcome = the_method.outcome(context)
    costs = {stage: context.output(stage)["cost"] for stage in info.stages}
    sha, dirty = provenance.git_state()
    return Result(
        schema=SCHEMA,
        spec=context.spec,
        metrics=metrics,
        stages={stage: msgspec.convert(cost, StageRecord) for stage, cost in costs.items()},
        architecture=outcome.architecture,
        artifacts=[
            Artifact(name=name, format=kind, sha256=sha256(context.folder.path / name))
            for name, kind in outcome.artifacts
        ],
        parameters=outcome.parameters,
        macs=outcome.macs,
        code_hash=provenance.code_hash(context.task.folder, *info.folders),
        provenance=Provenance(
            started=started,
            ended=now(),
            git_sha=sha,
            git_dirty=dirty,
            python=provenance.python_version(),
            torch=str(torch.__version__),
            data=context.data.prepared.manifest.digest,
            threads=torch.get_num_threads(),
            image_id=os.environ.get("KIT_IMAGE_ID") or None,
            image_digest=os.environ.get("KIT_IMAGE_DIGEST") or None,
            image_pinned=IMAGE_PINNED.get(os.environ.get("KIT_IMAGE_PINNED", "")),
            **_hardware(context.device),
        ),
    )


def _hardware(device: torch.device) -> dict[str, Any]:
    """Return the fields of ``Provenance`` that say what a run was computed on."""
    if device.type != "cuda":
        kind = f"{provenance.processor()} {torch.backends.cpu.get_cpu_capability()}"
        nothing = {"device_uuid": None, "cuda": None, "driver": None}
        return {"device": "CPU", "processor": kind, **nothing}
    properties = torch.cuda.get_device_properties(device)
    # A lease names a single device by its UUID, which for MIG devices only NVML knows.
    leased = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    uuid = leased if leased.startswith("MIG-") else f"GPU-{properties.uuid}"
    driver = next((gpu.driver for gpu in devices.gpus() if gpu.uuid == uuid), None)
    return {
        "device": properties.name,
        "device_uuid": uuid,
        "cuda": torch.version.cuda,
        "driver": driver,
    }
