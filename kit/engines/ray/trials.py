"""Trials of one run on a cluster, each on whichever node has a GPU free, or a core without GPUs.

The run's own process decides which of them train on, and waits. They read its spec and leave their
records, histories and checkpoints in its folder, from where they go on if their node is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec
import ray
from ray.exceptions import RayError, RayTaskError

from kit.base.context import RemoteTrials
from kit.engines import engine, execute
from kit.engines.ray import cluster
from kit.errors import KitError, UnavailableError
from kit.spec import RunSpec

RETRIES = 3


@contextmanager
def remote_trials(spec: RunSpec, options: execute.Options) -> Iterator[RemoteTrials]:
    """Yield what trains the trials of a run on the cluster at ``options.trials_on``.

    Raises:
        UnavailableError: there is no such cluster, or a node of it cannot work with this machine.
    """
    cluster.join(options.trials_on)
    states = cluster.inspect(cluster.alive(), [], engine.Options()).values()
    for state in states:
        if state.trouble is not None:
            raise UnavailableError(f"node {state.host} {state.trouble}")
    if options.device is None and not any(state.gpus for state in states):
        options = replace(options, device="cpu")
    gpus = 0 if options.device == "cpu" else 1
    train = ray.remote(num_gpus=gpus, max_retries=RETRIES)(_train)
    common = (
        msgspec.json.encode(spec),
        cluster.code(spec.task),
        cluster.variables(),
        {"device": options.device, "threads": options.threads},
    )
    begun = []

    def begin(number: int, epochs: int) -> Callable[[], Any]:
        begun.append(train.remote(*common, number, epochs))
        return partial(_wait, begun[-1])

    try:
        yield begin
    finally:
        for trial in begun:
            ray.cancel(trial, force=True)


def _train(
    spec: bytes,
    code: str,
    given: Mapping[str, str | None],
    how: Mapping[str, Any],
    number: int,
    epochs: int,
) -> Any:
    """On a node: train a trial up to so many epochs and return its record."""
    cluster.take_over(given)
    of_run = msgspec.json.decode(spec, type=RunSpec)
    if cluster.code(of_run.task) != code:
        raise KitError(f"a node's kit or its task {of_run.task} differs from the one here")
    return execute.advance(of_run, execute.Options(**how), number, epochs)


def _wait(trial: Any) -> Any:
    try:
        return ray.get(trial)
    except RayTaskError as error:
        raise error.cause from None
    except RayError as error:
        line = str(error).strip().splitlines()[-1]
        raise UnavailableError(f"a trial on the Ray cluster was lost: {line}") from None
