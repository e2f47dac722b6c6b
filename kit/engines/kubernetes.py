"""Runs as Indexed Jobs of Kubernetes: manifests for kubectl. They are rendered here, never run.

One Job per image and number of GPUs, or several for many runs; its pod of index *i* does the run of
line *i* of a config map, whose spec it writes into the run's folder.
Results and data are volume claims, the results' one shared by all nodes and able to lock files.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from kit.containers import lock
from kit.containers.images import reference
from kit.engines.handover import RESULTS_IN_IMAGE, arguments
from kit.engines.jobs import Job
from kit.errors import KitError
from kit.files import canonical_json
from kit.runs.names import SPEC
from kit.spec import RunSpec

NOTE = "rendered, not run here"
# Where things lie in an image, and where the list of runs is put.
HOME, LIST = RESULTS_IN_IMAGE.parent, "/submission"
USER = 1000
# A Job's name has at most 63 signs, of which "kit-", a digest and its hyphen take 13.
LONGEST_TASK = 50
SHARED_MEMORY = "1Gi"
# A run that failed by itself is not begun again; one whose node went away is, uncounted.
RETRIES = 2
FAILED_BY_ITSELF = [1, 2]
START = f"""\
eval "set -- $(sed -n "$((JOB_COMPLETION_INDEX + 1))p" {LIST}/runs)"
folder="{RESULTS_IN_IMAGE}/runs/$1"
mkdir -p "$folder" && printf '%s\\n' "$2" > "$folder/.spec" && mv "$folder/.spec" "$folder/{SPEC}"
export KIT_LOG="$folder/log.txt"
shift 2 && exec kit "$@"
"""
# A config map holds a megabyte at most, and a spec takes a few kilobytes.
RUNS_PER_JOB = 150


@dataclass(frozen=True)
class KubernetesConfig:
    """How a cluster is used.

    Attributes:
        queue: a local queue of Kueue's, which then decides when a Job begins.
        results: and ``data``, names of volume claims.
        at_a_time: pods of a Job; None for all.
        device: ``cpu`` for pods without GPUs.
    """

    namespace: str = "default"
    queue: str | None = None
    results: str = "kit-results"
    data: str = "kit-data"
    at_a_time: int | None = None
    device: str | None = None


def manifest(jobs: Sequence[Job], cluster: KubernetesConfig) -> dict[str, Any]:
    """Return the list of Jobs, and of what they do, for ``kubectl apply``.

    Raises:
        KitError: a run reads what another one leaves; Jobs do not wait for each other.
    """
    known = {job.id: job for job in jobs}
    groups: defaultdict[tuple[str, int], list[Job]] = defaultdict(list)
    for job in jobs:
        for needed in job.spec.inputs.values():
            if needed in known:
                raise KitError(f"{job.spec} needs {known[needed].spec}; submit that one first")
        groups[job.spec.task, 0 if cluster.device == "cpu" else job.gpus].append(job)
    items = [
        item
        for (task, gpus), members in sorted(groups.items())
        for first in range(0, len(members), RUNS_PER_JOB)
        for item in _items(task, gpus, members[first : first + RUNS_PER_JOB], cluster)
    ]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def _items(
    task: str, gpus: int, jobs: Sequence[Job], cluster: KubernetesConfig
) -> list[dict[str, Any]]:
    """Return a Job and its config map."""
    digest = sha256("".join(job.id for job in jobs).encode()).hexdigest()[:8]
    labels = {"app.kubernetes.io/name": "kit", "kit/task": task}
    meta = {
        "name": f"kit-{task[:LONGEST_TASK].rstrip('-')}-{digest}",
        "namespace": cluster.namespace,
        "labels": labels,
        "annotations": {"kit/note": NOTE},
    }
    lines = [shlex.join(_words(job.spec, "cuda" if gpus else "cpu")) for job in jobs]
    runs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "immutable": True}
    runs["data"] = {"runs": "".join(f"{line}\n" for line in lines)}
    spec = {
        "completionMode": "Indexed",
        "completions": len(jobs),
        "parallelism": min(len(jobs), cluster.at_a_time or len(jobs)),
        "backoffLimitPerIndex": RETRIES,
        "podFailurePolicy": {
            "rules": [
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
                {
                    "action": "FailIndex",
                    "onExitCodes": {"operator": "In", "values": FAILED_BY_ITSELF},
                },
            ]
        },
        "template": {
            "metadata": {"labels": labels},
            "spec": _pod(meta["name"], task, gpus, cluster),
        },
    }
    if cluster.queue is not None:
        queued = {**labels, "kueue.x-k8s.io/queue-name": cluster.queue}
        meta, spec = {**meta, "labels": queued}, {**spec, "suspend": True}
    return [runs, {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": spec}]


def _words(spec: RunSpec, device: str) -> list[str]:
    """Return the line of a run: its folder, its spec, and what follows ``kit``."""
    text = canonical_json(spec).decode()
    return [str(spec.folder), text, *arguments(spec, device, RESULTS_IN_IMAGE)]


def _pod(name: Any, task: str, gpus: int, cluster: KubernetesConfig) -> dict[str, Any]:
    """Return a pod that is as shut in as the kit's own containers."""
    volumes: dict[str, tuple[str, dict[str, Any]]] = {
        "results": (f"{HOME}/results", {"persistentVolumeClaim": {"claimName": cluster.results}}),
        "data": (f"{HOME}/data", {"persistentVolumeClaim": {"claimName": cluster.data}}),
        "locks": (f"{HOME}/locks", {"emptyDir": {}}),
        "scratch": ("/tmp", {"emptyDir": {}}),
        "memory": ("/dev/shm", {"emptyDir": {"medium": "Memory", "sizeLimit": SHARED_MEMORY}}),
        "runs": (LIST, {"configMap": {"name": name}}),
    }
    pinned = lock.pinned(task)
    digest = pinned.repo_digest if pinned else None
    variables = {"KIT_IMAGE_PINNED": str(int(bool(digest))), "KIT_IMAGE_DIGEST": digest or ""}
    container = {
        "name": "kit",
        "image": f"{reference(task)}@{digest}" if digest else reference(task),
        "env": [{"name": each, "value": value} for each, value in variables.items() if value],
        "command": ["sh", "-c", START],
        "resources": {"limits": {"nvidia.com/gpu": gpus}} if gpus else {},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": each, "mountPath": where, "readOnly": each in ("data", "runs")}
            for each, (where, _) in volumes.items()
        ],
    }
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": each, **source} for each, (_, source) in volumes.items()],
    }
