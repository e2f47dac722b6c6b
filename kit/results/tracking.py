"""MLflow: a copy of the results for those whose other runs live there."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from kit import extras, paths
from kit.errors import KitError
from kit.results.verify import verify
from kit.runs import history
from kit.runs.records import Result
from kit.spec import flat

ID = "kit.run"
# What MLflow takes at a time.
PARAMS, METRICS = 100, 1000


def export(
    uri: str, experiment: str, progress: Callable[[int, int], None] = lambda *_: None
) -> tuple[int, int]:
    """Send every whole result to an MLflow server or folder, those that it has already left out.

    Args:
        uri: of the tracking store, such as ``file:mlruns`` or ``http://localhost:5000``.
        experiment: its name there; it is made where there is none.
        progress: called with (done, total).

    Returns:
        How many were sent, and how many were there already.

    Raises:
        KitError: MLflow is not installed, or refuses.
    """
    try:
        mlflow = importlib.import_module("mlflow")
    except ModuleNotFoundError:
        raise KitError(f"this needs MLflow: {extras.install('mlflow')}") from None
    runs = paths.runs()
    whole = verify(runs).whole
    sent = 0
    try:
        client = mlflow.MlflowClient(tracking_uri=uri)
        found = client.get_experiment_by_name(experiment)
        place = found.experiment_id if found else client.create_experiment(experiment)
        for number, (folder, result) in enumerate(whole.items()):
            progress(number, len(whole))
            if not client.search_runs([place], f"tags.`{ID}` = '{result.spec.id}'", max_results=1):
                _send(client, mlflow.entities, place, runs / folder, result)
                sent += 1
    except (mlflow.exceptions.MlflowException, OSError) as error:
        raise KitError(f"MLflow at {uri}: {' '.join(str(error).split())}") from None
    return sent, len(whole) - sent


def _send(client: Any, entities: Any, experiment: str, folder: Path, result: Result) -> None:
    """Create a run there; its id is set last, so that one cut off halfway is sent again."""
    spec, provenance = result.spec, result.provenance
    started, ended = _milliseconds(provenance.started), _milliseconds(provenance.ended)
    name = f"{spec.task} {spec.method} seed {spec.seed}"
    run = client.create_run(experiment, start_time=started, run_name=name).info.run_id
    names = ("task", "method", "seed", "profile", "protocol", "tier")
    params = [(each, str(getattr(spec, each))) for each in names] + list(flat(spec.settings))
    tags = [(name, str(value)) for name, value in flat(msgspec.to_builtins(provenance))]
    metrics = [
        entities.Metric(f"{each.stage}/{each.name}", each.value, started, each.epoch)
        for each in history.scalars(folder)
        if not math.isnan(each.value)
    ]
    metrics += [
        entities.Metric(name, metric.value, ended, 0)
        for name, metric in result.metrics.items()
        if metric.value is not None
    ]
    for part in _parts([entities.Param(key, value) for key, value in params], PARAMS):
        client.log_batch(run, params=part)
    for part in _parts(metrics, METRICS):
        client.log_batch(run, metrics=part)
    client.log_batch(run, tags=[entities.RunTag(f"kit.{key}", value) for key, value in tags])
    client.set_terminated(run, end_time=ended)
    client.set_tag(run, ID, spec.id)


def _parts(items: list[Any], size: int) -> Iterator[list[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _milliseconds(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)
