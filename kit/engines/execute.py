"""Executing one run in this process: stages, scores, result. Every engine ends up here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Any

import torch

from kit import environment, extras, method, task
from kit.base.method import Method, method_class
from kit.base.trials import RemoteTrials
from kit.data import shares
from kit.data.prepared import OTHER_DATA
from kit.engines.jobs import is_of_current_data
from kit.engines.opening import checked, device_of, opened
from kit.engines.parallel import joined
from kit.engines.result import result_of
from kit.engines.signals import InterruptCount, terminable
from kit.engines.trial_worker import Setup
from kit.engines.trial_workers import local_trials
from kit.errors import DataError, KitError, RunError
from kit.files import write_json
from kit.method import MethodInfo
from kit.runs import integrity
from kit.runs.collect import Rejected, set_aside
from kit.runs.failures import classify, line_of
from kit.runs.folder import FolderLostError, RunFolder, now, read_result
from kit.runs.inputs import open_input
from kit.runs.names import SPEC
from kit.runs.records import Result
from kit.spec import RunSpec
from kit.training import distributed
from kit.training.loop import score

Notify = Callable[[str, int, int, float], None]
# A trial can be shorter than it takes to write a status.
SECONDS_BETWEEN_NOTES = 0.25
EVALUATION_BATCH = 64


@dataclass(frozen=True)
class ExecuteOptions:
    """How to execute.

    Attributes:
        device: ``cpu``, ``cuda``, or None for a GPU where there is one.
        threads: of torch on the CPU; None for one in reduced profiles and all in ``paper``. One
            thread gives the same bits on every machine size.
        until: stop after this stage.
        notify: called with (stage, epoch, epochs, loss).
        log: takes one line for the user.
        trials_needed: refuse ``trials_on`` for a method without trials.
        trials_on: where the run's trials are trained: None for this process, ``local:N`` for N
            processes of this machine, else the address of a Ray cluster, ``auto`` for the one that
            this machine is part of.
    """

    device: str | None = None
    threads: int | None = None
    until: str | None = None
    notify: Notify = lambda *_: None
    log: Callable[[str], None] = lambda _: None
    trials_on: str | None = None
    trials_needed: bool = True


def execute(spec: RunSpec, options: ExecuteOptions) -> Result | None:
    """Execute a run to its end, or return the result that it already has.

    Returns:
        The result; None when the run was told to stop after a stage.

    Raises:
        RunError: with one line that names the failure class.
        BusyError: another process is at this run.
        FolderLostError: the run's folder was moved or removed meanwhile.
        KitError: the run cannot even begin.
        KeyboardInterrupt: by Ctrl-C or TERM; the run can be resumed.
    """
    info = method.find(spec.method)
    info.check_stage(options.until)
    # A wrong one is the user's mistake, and no failure of the run.
    environment.number(environment.CHECKPOINT_SECONDS)
    has_trials = method_class(info).run_trial is not Method.run_trial
    if options.trials_on is not None and options.trials_needed and not has_trials:
        raise KitError(f"{spec.method} has no trials that could be trained elsewhere")
    device = device_of(spec, options.device, options.threads)
    with ExitStack() as stack:
        folder = stack.enter_context(joined(RunFolder(spec), device))
        if (done := _untouched(folder)) is not None:
            return done
        stack.enter_context(folder.opened())
        asked = stack.enter_context(terminable())
        done = _finished(folder, options)
        if done is not None:
            folder.set_status("succeeded")
            return done
        for name in spec.inputs:
            open_input(spec, name, folder.root)
        try:
            folder.set_status("running")
            result = _run(info, folder, options, device, asked)
        except KeyboardInterrupt:
            folder.set_status("cancelled", message="interrupted; run it again to resume")
            raise
        except FolderLostError:
            raise  # there is no place to write a status to
        except Exception as error:
            failure = classify(error)
            line = line_of(error)
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
    info: MethodInfo,
    folder: RunFolder,
    options: ExecuteOptions,
    device: torch.device,
    asked: InterruptCount,
) -> Result | None:
    """Run the stages that are not done, score the test fold, and write the result.

    Returns:
        The result; None where ``options.until`` stopped the run before.
    """
    spec, started = folder.spec, now()
    the_task, prepared = task.find(spec.task), checked(spec)
    if folder.data_digest() not in (None, prepared.manifest.digest):
        options.log(f"{spec}: {OTHER_DATA}; begins anew")
        folder.drop_progress()
    folder.set_data_digest(prepared.manifest.digest)

    noted = -math.inf

    def notify(stage: str, epoch: int, epochs: int, loss: float) -> None:
        nonlocal noted
        if time.monotonic() - noted >= SECONDS_BETWEEN_NOTES or epoch == epochs:
            folder.set_status("running", stage=stage, epoch=epoch, epochs=epochs, loss=loss)
            noted = time.monotonic()
        options.notify(stage, epoch, epochs, loss)
        if asked.value:
            raise KeyboardInterrupt

    the_method, context = opened(folder, prepared, device)
    shares.check(the_task, prepared, context.settings.data)
    with _remote_trials(the_method, spec, options) as remote_trials:
        context = replace(context, notify=notify, remote_trials=remote_trials)
        for stage in info.stages:
            if folder.output(stage) is None:
                options.log(f"{spec}: {stage}")
                the_method.run_stage(stage, context)
            if stage == options.until:
                return None
    options.log(f"{spec}: evaluate")
    predictor = the_method.predictor(context)
    metrics = score(predictor, context.fold("test"), the_task, EVALUATION_BATCH)
    result = result_of(info, the_method, context, metrics, started)
    folder.check_in_place()
    write_json(folder.result, integrity.sealed(result, folder.history))
    return read_result(folder.result)


def _remote_trials(
    the_method: Method[Any], spec: RunSpec, options: ExecuteOptions
) -> AbstractContextManager[RemoteTrials | None]:
    """Yield what trains trials in other processes, where that is asked for.

    Raises:
        KitError: the run has several processes already.
        UnavailableError: there is no such cluster.
    """
    where = options.trials_on
    if where is None:
        return nullcontext()
    if type(the_method).run_trial is Method.run_trial:
        return nullcontext()
    if distributed.world() > 1:
        raise KitError("a run of several processes trains its trials in step, not elsewhere")
    place, _, count = where.partition(":")
    if place == "local":
        setup = Setup(spec, options.device, options.threads)
        return local_trials(setup, count, options.log)
    try:
        from kit.engines.ray import trials
    except ModuleNotFoundError:
        raise KitError(f"trials elsewhere need Ray: {extras.install('ray')}") from None
    return trials.ray_trials(where, spec, options.device, options.threads)


def _untouched(folder: RunFolder) -> Result | None:
    """Return the result of a run that is done and noted as such; its folder is not written to."""
    status = folder.status()
    if status is None or status.state != "succeeded" or not (folder.path / SPEC).exists():
        return None
    # One that does not count is dealt with by ``_finished``, once this process owns the folder.
    with suppress(FileNotFoundError, ValueError):
        result = read_result(folder.result)
        if is_of_current_data(result):
            return result
    return None


def _finished(folder: RunFolder, options: ExecuteOptions) -> Result | None:
    """Return the result that a run has already; one that does not count is renamed and told."""
    try:
        result = read_result(folder.result)
        if is_of_current_data(result):
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
