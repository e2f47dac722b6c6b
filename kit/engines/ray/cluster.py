"""A Ray cluster: reaching it, and seeing what its nodes lack before runs go there."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray._private.services import canonicalize_bootstrap_address_or_die
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from kit import paths
from kit.engines import choose, nodes
from kit.engines.engine import SweepOptions
from kit.engines.signals import kept
from kit.errors import UnavailableError, last_line
from kit.runs import provenance
from kit.spec import RunSpec

NAMESPACE = "kit"
# What nodes have from the machine of the sweep, set or not. Ray by itself would let each process
# of a worker have one thread.
PASSED = (
    *("KIT_CHECKPOINT_SECONDS", "KIT_IMAGES", "KIT_MEMORY", "KIT_METHODS", "KIT_TASKS"),
    *("KIT_TAKE_BUSY_GPU", "KIT_TENSORBOARD", "KIT_THREADS", "OMP_NUM_THREADS"),
)
# Of these, a node's own count for it.
NODES_OWN = ("KIT_DATA", "KIT_TAKE_BUSY_GPU")
SECONDS_TO_CONNECT = 5.0
# What both sides of an HTTP/2 connection, and so of gRPC, begin with (RFC 9113, section 3.4): an
# empty frame of type 4.
HTTP2_PREFACE, SETTINGS = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
SECONDS_TO_LOOK = 60.0


@dataclass(frozen=True)
class RayNode:
    """What was seen of a node.

    Attributes:
        host: name by which messages call it.
        gpus: that Ray has there; a fraction where somebody has said so.
        cpus: cores, likewise.
        node: what it told; None where it did not answer.
        trouble: why no run should go there.
        rejections: why runs of a task should not, by the task's name.
    """

    host: str
    gpus: float
    cpus: float
    node: nodes.NodeReport | None
    trouble: str | None
    rejections: Mapping[str, str]

    @property
    def memory(self) -> float:
        """Bytes of each GPU there, as far as is known."""
        return nodes.memory(self.node)

    def rejection(self, name: str) -> str | None:
        """Return why runs of a task should not go there."""
        return self.trouble or self.rejections.get(name)


def join(address: str | None) -> None:
    """Connect this process to a cluster, if it is not yet.

    Args:
        address: of its head; None for ``RAY_ADDRESS``, else the cluster that this machine is in.

    Raises:
        UnavailableError: there is none, or it has another version of Ray or Python.
    """
    if ray.is_initialized():
        return
    try:
        where = canonicalize_bootstrap_address_or_die(address or "auto")
        _knock(where)
        with kept():
            ray.init(
                where, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.CRITICAL
            )
    except Exception as error:  # Ray raises just that where versions differ
        ray.shutdown()
        line = " ".join(str(error).split())
        mend = "'ray start' makes this machine part of one"
        if line.startswith("Version mismatch"):
            mend = "all nodes and this machine need the same versions"
        raise UnavailableError(
            f"no Ray cluster to be had at {address or 'hand'}: {line}; {mend}"
        ) from None


def _knock(address: str) -> None:
    """See whether gRPC is spoken there: where it is not, Ray would try for minutes.

    Raises:
        ConnectionError: something else answers.
        OSError: nobody does.
    """
    host, _, port = address.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), SECONDS_TO_CONNECT) as there:
        there.settimeout(SECONDS_TO_CONNECT)
        there.sendall(HTTP2_PREFACE + SETTINGS)
        if there.recv(len(SETTINGS))[3:4] != SETTINGS[3:4]:
            raise ConnectionError("what answers there is not Ray")


def alive() -> dict[str, dict[str, Any]]:
    """Return the nodes that there are, by id, as Ray describes them."""
    return {node["NodeID"]: node for node in ray.nodes() if node["Alive"]}


def inspect(
    found: Mapping[str, dict[str, Any]], specs: Sequence[RunSpec], options: SweepOptions
) -> dict[str, RayNode]:
    """Look at nodes, all at the same time, and at what runs would have there."""
    codes = {spec.task: provenance.code_of_task(spec.task) for spec in specs}
    with nodes.meeting() as folder:
        words = (folder, specs, codes, options, variables())
        asked = {id: on(ray.remote(_probe), id).remote(id, *words) for id in found}
        ray.wait(list(asked.values()), num_returns=len(asked), timeout=SECONDS_TO_LOOK)
        return {id: _seen(found[id], folder, answer) for id, answer in asked.items()}


def checks() -> list[tuple[str, bool, str]]:
    """Return a line for each node: its name, whether it is fit, and what it has.

    Raises:
        UnavailableError: there is no cluster.
    """
    join(None)
    states = inspect(alive(), [], SweepOptions()).values()
    return [(state.host, state.trouble is None, _words(state)) for state in states]


def on(remote: Any, id: str, **needs: Any) -> Any:
    """Return a remote function or actor that goes to a node, or nowhere."""
    where = NodeAffinitySchedulingStrategy(id, soft=False)
    return remote.options(**{"num_cpus": 0} | needs, scheduling_strategy=where)


def variables() -> dict[str, str | None]:
    """Return the environment that nodes take over, None for what is not to be set."""
    folders = {"KIT_RESULTS": str(paths.results()), "KIT_DATA": str(paths.data())}
    return {name: os.environ.get(name) for name in PASSED} | folders


def take_over(given: Mapping[str, str | None]) -> None:
    """Set the environment of the machine of the sweep; what is the node's own stays."""
    for name, value in given.items():
        if name in NODES_OWN and name in os.environ:
            continue
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _probe(
    id: str,
    folder: Path,
    specs: Sequence[RunSpec],
    codes: Mapping[str, str],
    options: SweepOptions,
    given: Mapping[str, str | None],
) -> dict[str, str]:
    """On a node: leave word of it in the meeting's folder; returns the rejections by task."""
    take_over(given)
    nodes.probe(folder, id)
    rejections = {}
    for name, wanted in codes.items():
        mine = [spec for spec in specs if spec.task == name]
        reason = choose.machine_rejection(mine, options)
        if provenance.code_of_task(name) != wanted:
            reason = f"its kit or its task {name} differs from the one here"
        if reason is not None:
            rejections[name] = reason
    return rejections


def _seen(found: Mapping[str, Any], folder: Path, answer: Any) -> RayNode:
    """Return what became of a look at a node."""
    gpus, node, rejections = found["Resources"].get("GPU", 0), None, {}
    try:
        rejections = ray.get(answer, timeout=0)
        node = nodes.answer(folder, found["NodeID"])
        trouble = nodes.trouble(folder, node, gpus, "Ray")
    except RayError as error:
        trouble = f"does not answer: {last_line(str(error))}"
    cpus = found["Resources"].get("CPU", 0)
    return RayNode(found["NodeManagerHostname"], gpus, cpus, node, trouble, rejections)


def _words(state: RayNode) -> str:
    has = f"{state.gpus:g} GPUs, {state.cpus:g} cores"
    if state.trouble is not None or state.node is None:
        return f"{has}; {state.trouble}"
    return f"{has} {nodes.describe(state.node)}"
