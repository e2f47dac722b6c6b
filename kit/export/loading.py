"""Finished runs opened again, read-only: their context, their trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from kit import method, task
from kit.base.context import Context
from kit.base.method import Method, load
from kit.data.folds import TaskData
from kit.data.prepared import OTHER_DATA, is_current, open_prepared
from kit.errors import KitError
from kit.runs.find import read_spec
from kit.runs.folder import RunFolder, read_result
from kit.runs.names import RESULT


def load_run(folder: Path, device: str) -> tuple[Method[Any], Context]:
    """Return the method of a finished run, and the context that its hooks take.

    Raises:
        KitError: the run is not finished, its method has changed since, its data are gone or are
            not those that it had, or there is no such device.
    """
    spec = read_spec(folder)
    try:
        result = read_result(folder / RESULT)
    except FileNotFoundError:
        raise KitError(f"{spec} is not finished; 'kit run' finishes it") from None
    except ValueError as error:
        raise KitError(f"{folder / 'result.json'}: {error}") from None
    info, the_task = method.find(spec.method), task.find(spec.task)
    if info.version != spec.method_version:
        raise KitError(
            f"{spec} is of version {spec.method_version} of its method, the kit has "
            f"{info.version}; run it again"
        )
    if not is_current(result.provenance.data, the_task, spec.tier, spec.profile):
        # Inputs would be normalised by the statistics of other data than the model was trained on.
        raise KitError(f"{spec}: {OTHER_DATA}; run it again")
    if device == "cuda" and not torch.cuda.is_available():
        raise KitError("no CUDA device is usable here; use --device cpu")
    the_method = load(info, spec)
    prepared = open_prepared(the_task, spec.tier, spec.profile)
    context = Context(
        spec=spec,
        task=the_task,
        settings=the_method.settings,
        data=TaskData(the_task, prepared, torch.device(device)),
        folder=RunFolder(spec, folder.resolve().parents[len(spec.folder.parts) - 1]),
    )
    return the_method, context
