"""The nodes of a Ray cluster: reaching it, and seeing what each node lacks before runs go there."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from kit import paths, task
from kit.engines import choose, nodes
from kit.engines.engine import Options
from kit.errors import UnavailableError
from kit.runs.provenance import code_hash
from kit.spec import RunSpec

NAMESPACE = "kit"
# What nodes have from the machine of the sweep, set or not. Ray by itself would let each process
# of a worker have one thread.
PASSED = (
    *("KIT_IMAGES", "KIT_MEMORY", "KIT_METHODS", "KIT_TASKS", "KIT_TENSORBOARD", "KIT_THREADS"),
    "OMP_NUM_THREADS",
)
SECONDS_TO_CONNECT = 5.0
SECONDS_TO_LOOK = 60.0


@dataclass(frozen=True)
class Look:
    """What was seen of a node.

    Attributes:
        host: its name.
        node: what it told; None where it did not answer.
        trouble: why no run should go there.
        objections: why runs of a task should not, by the task's name.
    """

    host: str
    node: nodes.Node | None
    trouble: str | None
    objections: Mapping[str, str]

    def objection(self, name: str) -> str | None:
        """Return why runs of a task should not go there."""
        return self.trouble or self.objections.get(name)


def join(address: str | None) -> None:
    """Connect this process to a cluster, if it is not yet.

    Raises:
        UnavailableError: there is none, or it is of another version of Ray or Python.
    """
    where = address or os.environ.get("RAY_ADDRESS") or "auto"
    if ray.is_initialized():
        return
    if where != "auto":
        _knock(where)
    try:
        ray.init(where, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.CRITICAL)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        line = " ".join(str(error).split())
        raise UnavailableError(f"no Ray cluster to be had at {where}: {line}") from None


def alive() -> dict[str, dict[str, Any]]:
    """Return the nodes that there are, by id, as Ray describes them."""
    return {node["NodeID"]: node for node in ray.nodes() if node["Alive"]}


def inspect(
    found: Mapping[str, dict[str, Any]], specs: Sequence[RunSpec], options: Options
) -> dict[str, Look]:
    """Look at nodes, all at the same time, and at what runs would have there."""
    code = {spec.task: code_here(spec.task) for spec in specs}
    with nodes.meeting() as folder:
        words = (folder, specs, code, options, variables())
        asked = {id: on(ray.remote(_look), id).remote(id, *words) for id in found}
        ray.wait(list(asked.values()), num_returns=len(asked), timeout=SECONDS_TO_LOOK)
        looks = {}
        for id, answer in asked.items():
            node, trouble, objections = None, None, {}
            try:
                objections = ray.get(answer, timeout=0)
                node = nodes.answer(folder, id)
                trouble = nodes.trouble(folder, node)
            except RayError as error:
                trouble = f"does not answer: {str(error).strip().splitlines()[-1]}"
            looks[id] = Look(found[id]["NodeManagerHostname"], node, trouble, objections)
    return looks


def on(remote: Any, id: str, **resources: Any) -> Any:
    """Return a remote function or actor that goes to a node, or nowhere."""
    where = NodeAffinitySchedulingStrategy(id, soft=False)
    return remote.options(**{"num_cpus": 0} | resources, scheduling_strategy=where)


def variables() -> dict[str, str | None]:
    """Return the environment that nodes take over, None for what is not to be set."""
    folders = {"KIT_RESULTS": str(paths.results()), "KIT_DATA": str(paths.data())}
    return {name: os.environ.get(name) for name in PASSED} | folders


def take_over(given: Mapping[str, str | None]) -> None:
    """Set the environment of the machine of the sweep; a node's own ``KIT_DATA`` stays."""
    for name, value in given.items():
        if value is None:
            os.environ.pop(name, None)
        elif name != "KIT_DATA" or name not in os.environ:
            os.environ[name] = value


def code_here(name: str) -> str:
    """Return the hash of the code that makes runs of a task on this machine."""
    return code_hash(task.find(name).folder, paths.methods()[0])


def _look(
    id: str,
    folder: Path,
    specs: Sequence[RunSpec],
    code: Mapping[str, str],
    options: Options,
    given: Mapping[str, str | None],
) -> dict[str, str]:
    """On a node: leave in the meeting's folder what it has; returns the objections by task."""
    take_over(given)
    nodes.look(folder, id)
    found = {}
    for name, wanted in code.items():
        if code_here(name) != wanted:
            found[name] = "its kit is of another version than the one here"
        else:
            mine = [spec for spec in specs if spec.task == name]
            found[name] = choose.objection_of_machine(mine, options) or ""
    return {name: reason for name, reason in found.items() if reason}


def _knock(address: str) -> None:
    """See whether anybody is there; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    try:
        if not (host and port.isdigit()):
            raise OSError("an address is HOST:PORT")
        socket.create_connection((host, int(port)), SECONDS_TO_CONNECT).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnavailableError(f"no Ray cluster answers at {address}: {reason}") from None
