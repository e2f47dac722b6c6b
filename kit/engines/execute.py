"""Executing one run in this process: stages, scores, result. Every engine ends up here."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, cast

import msgspec
import torch

from kit import discovery, extras, method, task
from kit.base.context import Context, Method, RemoteTrials
from kit.data import shares
from kit.data.folds import TaskData
from kit.data.prepared import OTHER_DATA, Prepared, is_current, open_prepared, repair
from kit.engines.parallel import joined
from kit.engines.signals import Count, terminable
from kit.errors import DataError, KitError, RunError
from kit.files import sha256, write_json
from kit.method import MethodInfo
from kit.runs import provenance
from kit.runs.collect import Rejected, set_aside
from kit.runs.failures import classify
from kit.runs.folder import RunFolder, now, read_result
from kit.runs.records import SCHEMA, Artifact, Provenance, Result, StageRecord
from kit.settings import convert
from kit.spec import RunSpec
from kit.training.loop import score

Notify = Callable[[str, int, int, float], None]
# Data up to this size are hashed before every run; larger ones by 'kit data verify'.
HASH_BYTES = 2 << 30
EVALUATION_BATCH = 64
IMAGE_PINNED = {"0": False, "1": True}


@dataclass(frozen=True)
class Options:
    """How to execute.

    Attributes:
        device: ``cpu``, ``cuda``, or None for a GPU where there is one.
        threads: of torch on the CPU; None for one in reduced profiles and all in ``paper``. One
            thread gives the same bits on every machine size.
        until: stop after this stage.
        notify: called with (stage, epoch, epochs, loss).
        log: takes one line for the user.
        trials_on: address of a Ray cluster that trains the run's trials, ``auto`` for this
            machine's; None to train them in this process.
    """

    device: str | None = None
    threads: int | None = None
    until: str | None = None
    notify: Notify = lambda *_: None
    log: Callable[[str], None] = lambda _: None
    trials_on: str | None = None


def execute(spec: RunSpec, options: Options) -> Result | None:
    """Execute a run to its end, or return the result that it already has.

    Returns:
        The result; None when the run was told to stop after a stage.

    Raises:
        RunError: with one line that names the failure class.
        BusyError: another process is at this run.
        KitError: the run cannot even begin.
        KeyboardInterrupt: by Ctrl-C or TERM; the run can be resumed.
    """
    info = method.find(spec.method)
    if options.until is not None and options.until not in info.stages:
        raise KitError(f"{info.name} has the stages {', '.join(info.stages)}, no {options.until!r}")
    device = _device(options, spec)
    with joined(RunFolder(spec), device) as folder, folder.opened(), terminable() as asked:
        done = _finished(folder, options)
        if done is not None:
            folder.set_status("succeeded")
            return done
        try:
            folder.set_status("running")
            result = _run(info, folder, options, device, asked)
        except KeyboardInterrupt:
            folder.set_status("cancelled", message="interrupted; run it again to resume")
            raise
        except Exception as error:
            failure = classify(error)
            line = " ".join(str(error).split()) or type(error).__name__
            folder.set_status("failed", failure=failure, message=line)
            if isinstance(error, KitError) and not isinstance(error, DataError):
                raise
            raise RunError(f"{spec}: failed ({failure}): {line}") from error
        stopped = f"stopped after {options.until}, as asked"
        folder.set_status(
            "succeeded" if result else "cancelled", message=None if result else stopped
        )
        return result


def _run(
    info: MethodInfo, folder: RunFolder, options: Options, device: torch.device, asked: Count
) -> Result | None:
    spec, started = folder.spec, now()
    the_task, prepared = task.find(spec.task), _checked(spec)
    if folder.data() not in (None, prepared.manifest.digest):
        options.log(f"{spec}: {OTHER_DATA}; begins anew")
        folder.drop_progress()
    folder.set_data(prepared.manifest.digest)

    def notify(stage: str, epoch: int, epochs: int, loss: float) -> None:
        folder.set_status("running", stage=stage, epoch=epoch, epochs=epochs, loss=loss)
        options.notify(stage, epoch, epochs, loss)
        if asked.value:
            raise KeyboardInterrupt

    stages, context = _opened(info, folder, prepared, device)
    shares.check(the_task, prepared, context.settings.data)
    with _remote_trials(stages, spec, options) as remote_trials:
        context = replace(context, notify=notify, remote_trials=remote_trials)
        for stage in info.stages:
            if folder.output(stage) is None:
                options.log(f"{spec}: {stage}")
                stages.run_stage(stage, context)
            if stage == options.until:
                return None
    options.log(f"{spec}: evaluate")
    fold = context.fold("test")
    metrics = score(stages.predictor(context), fold, the_task, EVALUATION_BATCH)
    outcome = stages.outcome(context)
    costs = {stage: context.output(stage)["cost"] for stage in info.stages}
    sha, dirty = provenance.git_state()
    result = Result(
        schema=SCHEMA,
        spec=spec,
        metrics=metrics,
        stages={stage: msgspec.convert(cost, StageRecord) for stage, cost in costs.items()},
        architecture=outcome.architecture,
        artifacts=[
            Artifact(name=name, format=kind, sha256=sha256(folder.path / name))
            for name, kind in outcome.artifacts
        ],
        parameters=outcome.parameters,
        macs=outcome.macs,
        code_hash=provenance.code_hash(the_task.folder, info.folder),
        provenance=Provenance(
            started=started,
            ended=now(),
            git_sha=sha,
            git_dirty=dirty,
            python=provenance.python_version(),
            torch=str(torch.__version__),
            data=prepared.manifest.digest,
            threads=torch.get_num_threads(),
            image_id=os.environ.get("KIT_IMAGE_ID") or None,
            image_digest=os.environ.get("KIT_IMAGE_DIGEST") or None,
            image_pinned=IMAGE_PINNED.get(os.environ.get("KIT_IMAGE_PINNED", "")),
            **_hardware(device),
        ),
    )
    write_json(folder.result, result)
    return read_result(folder.result)


def advance(spec: RunSpec, options: Options, number: int, epochs: int) -> Any:
    """Train a trial of a run up to so many epochs for the process that executes the run.

    Returns:
        The trial's record.
    """
    info, device = method.find(spec.method), _device(options, spec)
    stages, context = _opened(info, RunFolder(spec), _checked(spec), device)
    return msgspec.to_builtins(cast(Any, stages).advance(context, number, epochs))


def _opened(
    info: MethodInfo, folder: RunFolder, prepared: Prepared, device: torch.device
) -> tuple[Method, Context]:
    """Return the method's stages and what they see of a run."""
    spec, the_task = folder.spec, task.find(folder.spec.task)
    settings = convert(spec.settings, info.settings_type, f"settings of {spec}")
    stages = discovery.load("kit.methods", info.folder, "stages").Stages(settings)
    data = TaskData(the_task, prepared, device)
    return stages, Context(spec, the_task, settings, data, folder)


def _remote_trials(
    stages: Method, spec: RunSpec, options: Options
) -> AbstractContextManager[RemoteTrials | None]:
    """Yield what trains trials in other processes, where that is asked for."""
    if options.trials_on is None:
        return nullcontext()
    if not hasattr(stages, "advance"):
        raise KitError(f"{spec.method} has no trials that could be trained elsewhere")
    try:
        from kit.engines.ray import trials
    except ModuleNotFoundError:
        raise KitError(f"trials elsewhere need Ray: {extras.install('ray')}") from None
    return trials.remote_trials(spec, options)


def _finished(folder: RunFolder, options: Options) -> Result | None:
    spec = folder.spec
    try:
        result = read_result(folder.result)
        if is_current(result.provenance.data, task.find(spec.task), spec.tier, spec.profile):
            return result
        reason = OTHER_DATA
        folder.drop_progress()
    except FileNotFoundError:
        return None
    except ValueError as error:
        reason = str(error)
    aside = set_aside(Rejected(folder.result, reason))
    options.log(f"{folder.result}: {reason}; kept aside as {aside.name}")
    return None


def _device(options: Options, spec: RunSpec) -> torch.device:
    name = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise KitError("no CUDA device is usable here; use --device cpu")
    threads = options.threads or (None if spec.profile == "paper" else 1)
    if threads is not None:
        torch.set_num_threads(threads)
    return torch.device(name)


def _checked(spec: RunSpec) -> Prepared:
    the_task = task.find(spec.task)
    prepared = open_prepared(the_task, spec.tier, spec.profile)
    size = sum(info.bytes for info in prepared.manifest.arrays.values())
    damaged = prepared.damaged() if size <= HASH_BYTES else []
    if damaged:
        mend = repair(the_task, spec.tier, spec.profile)
        raise DataError(f"{prepared.folder}: {', '.join(damaged)} changed on disk; run '{mend}'")
    return prepared


def _hardware(device: torch.device) -> dict[str, Any]:
    if device.type != "cuda":
        return {"device": "CPU", "device_uuid": None, "cuda": None, "driver": None}
    from kit.engines.devices import gpus

    properties = torch.cuda.get_device_properties(device)
    # A lease names a single device by its UUID, which for MIG devices only NVML knows.
    leased = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    uuid = leased if leased.startswith("MIG-") else f"GPU-{properties.uuid}"
    driver = next((gpu.driver for gpu in gpus() if gpu.uuid == uuid), None)
    return {
        "device": properties.name,
        "device_uuid": uuid,
        "cuda": torch.version.cuda,
        "driver": driver,
    }
