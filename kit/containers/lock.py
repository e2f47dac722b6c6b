"""The lock: which images the results of a folder are made with.

``results/images.lock.json`` names every image by its id, and the image that all of them start from
by its digest. An image that differs is refused, or its results are marked.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from kit import paths
from kit.containers.images import BASE, DockerImage
from kit.errors import KitError
from kit.files import decode_json, write_json

SCHEMA = 1


class Pinned(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An image: the id of its configuration, and the digest under which a registry has it."""

    image_id: str
    repo_digest: str | None


class BaseImage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all images start from."""

    name: str
    digest: str


class Lock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file."""

    schema: int
    base_image: BaseImage
    images: dict[str, Pinned]


def path() -> Path:
    """Return where the lock lies: beside the runs that it pins."""
    return paths.results() / "images.lock.json"


def made_of(images: list[DockerImage]) -> Lock:
    """Return the lock that pins these images.

    Raises:
        KitError: the base image is not built, or they start from different base images.
    """
    bases = {(image.base_name, image.base_digest) for image in images}
    if not images or images[0].name != BASE:
        raise KitError("there is no base image to lock; run 'kit images build'")
    if len(bases) > 1:
        raise KitError("the images start from different base images; run 'kit images build' again")
    ((name, digest),) = bases
    if name is None or digest is None:
        raise KitError("the images do not say what they start from; run 'kit images build'")
    return Lock(
        schema=SCHEMA,
        base_image=BaseImage(name=name, digest=digest),
        images={
            image.name: Pinned(image_id=image.id, repo_digest=image.digest) for image in images
        },
    )


def save(lock: Lock) -> None:
    """Write the lock."""
    write_json(path(), lock)


def read() -> Lock | None:
    """Return the lock, or None where nothing was locked.

    Raises:
        KitError: the file is no lock that this kit can read.
    """
    try:
        lock = decode_json(path().read_bytes(), Lock)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise KitError(f"{path()}: {error}; run 'kit images lock'") from None
    if lock.schema != SCHEMA:
        raise KitError(f"{path()}: schema {lock.schema}, not {SCHEMA}; run 'kit images lock'")
    return lock


def rejection(image: DockerImage | None, name: str) -> str | None:
    """Return why an image must not be run as it is, or None where it is the one locked."""
    if image is None:
        return f"the image of {name} is not built; run 'kit images build {name}'"
    locked = pinned(name)
    if locked is None:
        return unlocked(name)
    return _difference(image.id, locked, name)


def pinned(name: str) -> Pinned | None:
    """Return what the lock says of a task's image, if anything."""
    lock = read()
    return lock.images.get(name) if lock is not None else None


def unlocked(name: str) -> str:
    """Return the message about a task whose image is in no lock."""
    return f"the image of {name} is not locked; run 'kit images lock', or add --allow-unpinned"


def compare(image_id: str, name: str, allow_unpinned: bool) -> None:
    """Compare the image that this process runs in with the lock, and note it for the results.

    It is for services of compose, which pass the id on; an engine has compared before the start.

    Args:
        image_id: empty where nobody knows it.
        name: the task whose image it is.
        allow_unpinned: note it even if it is not the one locked; without a lock that is the rule.

    Raises:
        KitError: the image is not the one locked, or its id is unknown.
    """
    if "KIT_IMAGE_PINNED" in os.environ:
        return
    locked = pinned(name)
    difference = _difference(image_id, locked, name) if locked is not None else None
    if difference is not None and not allow_unpinned:
        raise KitError(difference)
    same = locked is not None and difference is None
    os.environ["KIT_IMAGE_PINNED"] = str(int(same))
    if locked is not None and same and locked.repo_digest is not None:
        os.environ["KIT_IMAGE_DIGEST"] = locked.repo_digest


def _difference(image_id: str, locked: Pinned, name: str) -> str | None:
    if locked.image_id == image_id:
        return None
    return (
        f"the image of {name} is {short(image_id) or 'unknown'}, not {short(locked.image_id)} as "
        "locked; build what was locked, lock anew by 'kit images lock', or add --allow-unpinned"
    )


def short(image_id: str) -> str:
    """Return the beginning of an image's id, as Docker shows it."""
    return image_id.removeprefix("sha256:")[:12]
