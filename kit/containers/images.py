"""The images of the kit that this machine's engine has."""

from __future__ import annotations

import os
from dataclasses import dataclass

import docker
from docker.errors import ImageNotFound
from docker.models.images import Image as EngineImage

BASE = "base"
LABEL = "kit.image"
CODE = "kit.code"
# Where an image comes from, by the names that the OCI gives these labels.
BASE_NAME = "org.opencontainers.image.base.name"
BASE_DIGEST = "org.opencontainers.image.base.digest"
REVISION = "org.opencontainers.image.revision"
VERSION = "org.opencontainers.image.version"
PACKAGES = "kit.packages"


@dataclass(frozen=True)
class DockerImage:
    """One image; sizes in bytes.

    Attributes:
        name: ``base``, or the task.
        id: of its configuration: two images with one id are the same to the last bit.
        digest: under which a registry has it; None for an image that was never pushed or pulled.
        size: of all its layers.
        added: of the layers above the base image's; None where it was built on an older base.
        layers: how many there are.
        shared: how many of them are the base image's.
        revision: the commit that it was built from.
        code: the hash of the code of the kit and the task, as in results; None for the base.
        base_name: the image that all of them start from.
        base_digest: the digest of that image, as it was when this one was built.
    """

    name: str
    id: str
    digest: str | None
    size: int
    added: int | None
    layers: int
    shared: int
    revision: str | None
    code: str | None
    base_name: str | None
    base_digest: str | None


def reference(name: str) -> str:
    """Return what the engine calls an image: its name below ``KIT_IMAGES``, ``kit`` unless set."""
    return f"{os.environ.get('KIT_IMAGES') or 'kit'}/{name}"


def find(client: docker.DockerClient, name: str) -> DockerImage | None:
    """Return an image, or None where it is not built."""
    found = _get(client, name)
    return None if found is None else _image(name, found, _get(client, BASE))


def listing(client: docker.DockerClient) -> list[DockerImage]:
    """Return the images that are built: the base, then the tasks by name."""
    names = {
        image.labels[LABEL]
        for image in client.images.list(filters={"label": LABEL})
        if f"{reference(image.labels[LABEL])}:latest" in image.tags
    }
    images = (find(client, name) for name in sorted(names, key=lambda name: (name != BASE, name)))
    return [image for image in images if image is not None]


def digest_of(image: EngineImage) -> str | None:
    """Return the digest under which a registry has an image; None where none has."""
    digests = image.attrs.get("RepoDigests")
    return str(digests[0]).partition("@")[2] if digests else None


def packages(client: docker.DockerClient, image: DockerImage) -> str:
    """Return what pip has installed in an image, ``name==version`` with spaces between."""
    return str(client.images.get(image.id).labels.get(PACKAGES, ""))


def _get(client: docker.DockerClient, name: str) -> EngineImage | None:
    try:
        return client.images.get(reference(name))
    except ImageNotFound:
        return None


def _image(name: str, found: EngineImage, base: EngineImage | None) -> DockerImage:
    layers = found.attrs["RootFS"]["Layers"]
    below = base.attrs["RootFS"]["Layers"] if base is not None else []
    built_on = layers[: len(below)] == below
    return DockerImage(
        name=name,
        id=str(found.id),
        digest=digest_of(found),
        size=found.attrs["Size"],
        added=found.attrs["Size"] - base.attrs["Size"] if base is not None and built_on else None,
        layers=len(layers),
        shared=len(below) if built_on else 0,
        revision=found.labels.get(REVISION),
        code=found.labels.get(CODE),
        base_name=found.labels.get(BASE_NAME),
        base_digest=found.labels.get(BASE_DIGEST),
    )
