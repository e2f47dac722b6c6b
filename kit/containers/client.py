"""The Docker engine of this machine."""

from __future__ import annotations

import docker
from docker.errors import DockerException

from kit.errors import UnavailableError


def connect() -> docker.DockerClient:
    """Return a client of the engine that ``DOCKER_HOST`` names, or of the usual one.

    Raises:
        UnavailableError: no engine answers.
    """
    try:
        return docker.from_env()
    except DockerException as error:
        reason = _innermost(error)
        raise UnavailableError(
            f"no Docker engine answers ({reason}); start one, or use --engine local"
        ) from None


def _innermost(error: BaseException) -> str:
    """Return what the operating system said: the libraries in between only repeat it."""
    while error.__context__ is not None:
        error = error.__context__
    return getattr(error, "strerror", None) or " ".join(str(error).split())
