"""The Docker engine: one container per run, shut in, with the GPUs that it was given by UUID.

A container has no network and no capability; it can write its run's folder and a scratch folder in
memory, and nothing else. It carries the label of its sweep and of its run: by these it is found
again, and no container without them is ever touched.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, NotFound
from requests.exceptions import RequestException

from kit import method, paths
from kit.containers import images, lock, prepare
from kit.containers.client import connect as connect_client
from kit.engines.docker_container import made_of
from kit.engines.engine import EngineError, Exit, Handle, SweepOptions, sweep
from kit.engines.signals import terminable
from kit.errors import KitError, UnavailableError
from kit.files import is_locked
from kit.runs import logs, provenance
from kit.runs.folder import RunFolder
from kit.runs.names import CLAIM, LOG, RESULT
from kit.spec import Profile, RunSpec, Tier
from kit.task import Task

SWEEP, RUN, FOLDER = "kit.sweep", "kit.run", "kit.folder"
# The label of a container that prepares data, which has none of a run.
PREPARES = "kit.prepares"
SECONDS_BETWEEN_LOOKS = 0.05
# How long the engine may be away, as for a restart, before its runs count as lost.
SECONDS_WITHOUT_ENGINE = 60.0
# How long to wait for it before a container is started.
SECONDS_TO_START = 20.0
# From a run's result to the end of its container.
SECONDS_TO_END = 20
FAULTS = (DockerException, RequestException)


def unusable(specs: Sequence[RunSpec], options: SweepOptions) -> str | None:
    """Return why these runs cannot be containers of this machine, or None."""
    try:
        client = connect_client()
    except UnavailableError as error:
        return str(error)
    for name in dict.fromkeys(spec.task for spec in specs):
        reason = _rejection(images.find(client, name), name, options)
        if reason is not None:
            return reason
    shipped = paths.methods()[0]
    for name in dict.fromkeys(spec.method for spec in specs):
        if method.find(name).folder.parent != shipped:
            return f"the images hold no method {name}, which is not the kit's own"
    return None


def connect(options: SweepOptions) -> Docker:
    """Return the engine.

    Raises:
        UnavailableError: no engine answers.
    """
    return Docker(connect_client(), options)


class Docker:
    """See ``kit.engines.engine.Engine``. A reference is a container's id."""

    name = "docker"

    def __init__(self, client: docker.DockerClient, options: SweepOptions) -> None:
        self.client, self.options = client, options
        self._images: dict[str, images.DockerImage] = {}
        self._states: Mapping[str, str] = {}
        self._looked = float("-inf")
        self._lost_since: float | None = None
        # Containers that were running when the engine went away, and how stopped ones ended.
        self._interrupted: set[str] = set()
        self._stopped: dict[str, Exit | None] = {}

    def start(self, spec: RunSpec, gpus: tuple[str, ...]) -> Handle:
        """Create and start the container of a run."""
        RunFolder(spec).write_spec()
        try:
            container = self.client.containers.create(**self._container(spec, gpus))
            try:
                container.start()
            except BaseException:
                with suppress(*FAULTS):
                    container.remove(force=True)
                raise
        except FAULTS as error:
            raise EngineError(_line(error)) from error
        self._states = {**self._states, str(container.id): "running"}
        return Handle(spec, str(container.id))

    def find(self, spec: RunSpec, reference: str | None) -> Handle | None:
        """Return the container of a run that still runs; one that has ended is removed."""
        del reference  # the labels say it all
        self._wait()
        try:
            for container in self._list({RUN: spec.id}):
                running = container["State"] in ("running", "restarting", "paused")
                if running or not self._remove(RunFolder(spec).log, container["Id"]):
                    return Handle(spec, container["Id"])
        except FAULTS as error:
            raise EngineError(_line(error)) from error
        return None

    def poll(self, handle: Handle) -> Exit | None:
        """Return how a container ended, which is then removed, or None while it runs."""
        try:
            if handle.reference in self._stopped:
                return self._stopped.pop(handle.reference)
            running = self._state(handle.reference) == "running"
            logs.cap(RunFolder(handle.spec).log)
            return None if running else self._exit(handle)
        except NotFound:
            return Exit(None, infrastructure="its container was removed by somebody else")
        except FAULTS as error:
            self._interrupted.add(handle.reference)
            self._lost_since = self._lost_since or time.monotonic()
            if time.monotonic() - self._lost_since < SECONDS_WITHOUT_ENGINE:
                return None
            return Exit(None, infrastructure=f"the Docker engine is gone: {_line(error)}")

    def stop(self, handle: Handle, grace: float) -> None:
        """Stop a container, by TERM, then KILL, and remove it."""
        with suppress(*FAULTS):
            container = self.client.containers.get(handle.reference)
            if grace > 0:
                container.stop(timeout=math.ceil(grace))
            else:
                container.kill()
                container.wait()
            self._stopped[handle.reference] = self._exit(handle)

    def prepare(self, the_task: Task, tier: Tier, profile: Profile) -> None:
        """Prepare data in a container that has no network and reads raw data; see ``Prepares``."""
        labels = {SWEEP: sweep(), PREPARES: the_task.name}
        image = self._image(the_task.name).id
        try:
            with terminable():
                prepare.prepare(self.client, image, the_task.name, tier, profile, labels)
        except FAULTS as error:
            raise UnavailableError(f"preparing {the_task.name}: {_line(error)}") from None

    def close(self) -> None:
        """Let go of the engine, and of the containers that ended after their supervisor."""
        with suppress(*FAULTS):
            for container in self._list({}):
                with suppress(*FAULTS):
                    self._clear(container)
            # Those at work, another supervisor's or a killed one's, end by themselves.
            self.client.containers.prune({"label": [f"{SWEEP}={sweep()}", PREPARES]})
        self.client.close()

    def _clear(self, container: Mapping[str, Any]) -> None:
        """Remove a container that nobody waits for, unless its run is still at work."""
        folder = paths.runs() / container["Labels"][FOLDER]
        if is_locked(folder / CLAIM):
            return
        if container["State"] == "running":
            if not (folder / RESULT).exists():
                return
            self.client.api.wait(container["Id"], timeout=SECONDS_TO_END)
        self._remove(folder / LOG, container["Id"])

    def _wait(self) -> None:
        """Give an engine that restarts some time to come back."""
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline:
            with suppress(*FAULTS):
                self.client.ping()
                return
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def _container(self, spec: RunSpec, gpus: tuple[str, ...]) -> dict[str, Any]:
        """Return what a run's container is made of, with the labels by which it is found again.

        Raises:
            KitError: its image is not the one that is locked.
        """
        labels = {SWEEP: sweep(), RUN: spec.id, FOLDER: str(spec.folder)}
        return {**made_of(spec, gpus, self._image(spec.task), self.options), "labels": labels}

    def _image(self, name: str) -> images.DockerImage:
        """Return the image of a task: the same for the whole sweep, even if one is built anew."""
        if name not in self._images:
            image = images.find(self.client, name)
            reason = _rejection(image, name, self.options)
            if image is None or reason is not None:
                raise KitError(str(reason))
            self._images[name] = image
        return self._images[name]

    def _state(self, reference: str) -> str | None:
        """Return a container's state; all of the sweep's are fetched together, now and then."""
        if time.monotonic() - self._looked >= SECONDS_BETWEEN_LOOKS:
            self._states = {each["Id"]: each["State"] for each in self._list({})}
            self._looked = time.monotonic()
            self._lost_since = None
        return self._states.get(reference)

    def _list(self, labels: Mapping[str, str]) -> list[dict[str, Any]]:
        wanted = [f"{key}={value}" for key, value in {SWEEP: sweep(), **labels}.items()]
        return list(self.client.api.containers(all=True, filters={"label": [RUN, *wanted]}))

    def _exit(self, handle: Handle) -> Exit | None:
        state = self.client.api.inspect_container(handle.reference)["State"]
        if state["Running"] or state["Restarting"]:
            return None
        self._remove(RunFolder(handle.spec).log, handle.reference)
        trouble = state["Error"] or None
        if handle.reference in self._interrupted and state["ExitCode"] != 0:
            trouble = "the Docker engine went away and took the run along"
        return Exit(state["ExitCode"], bool(state["OOMKilled"]), trouble)

    def _remove(self, log: Path, reference: str) -> bool:
        """Remove a container, as below, and append what Docker kept of its output to the log."""
        try:
            output = self.client.api.logs(reference, tail=100)
        finally:
            removed = self._removed(reference)
        if output and removed:
            with suppress(OSError), log.open("ab") as stream:
                stream.write(output)
        return removed

    def _removed(self, reference: str) -> bool:
        """Remove a container; False, and it stays, where it runs.

        A supervisor that was killed may have had it started since one last looked.
        """
        with suppress(NotFound):
            try:
                self.client.api.remove_container(reference, v=True)
            except APIError as error:
                if error.status_code != HTTPStatus.CONFLICT:
                    raise
                # Docker says the same of one that is being removed already.
                return not self.client.api.inspect_container(reference)["State"]["Running"]
        return True


def _rejection(image: images.DockerImage | None, name: str, options: SweepOptions) -> str | None:
    """Return why a task's image must not be run: it is not built, outdated, or not the locked one.

    An outdated one might not even agree with this checkout about what the runs are.
    """
    if image is not None and image.code != provenance.code_of_task(name):
        return f"the image of {name} holds other code than here; run 'kit images build {name}'"
    if image is not None and options.allow_unpinned:
        return None
    return lock.rejection(image, name)


def _line(error: Exception) -> str:
    text = error.explanation if isinstance(error, APIError) and error.explanation else str(error)
    return " ".join(text.split())
