"""The lock, without an engine."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from msgspec import structs

from kit.containers import lock
from kit.containers.images import DockerImage
from kit.errors import KitError

BASE = DockerImage(
    name="base",
    id="sha256:" + "1" * 64,
    digest=None,
    size=1000,
    added=0,
    layers=5,
    shared=5,
    revision="abc",
    code=None,
    base_name="debian:bookworm",
    base_digest="sha256:" + "2" * 64,
)
TASK = replace(BASE, name="deepsea", id="sha256:" + "3" * 64, digest="sha256:" + "4" * 64)


def test_written_and_read() -> None:
    assert lock.read() is None
    made = lock.made_of([BASE, TASK])
    lock.save(made)
    assert lock.read() == made
    assert made.base_image.digest == BASE.base_digest
    assert made.images["base"] == lock.Pinned(image_id=BASE.id, repo_digest=None)
    assert made.images["deepsea"] == lock.Pinned(image_id=TASK.id, repo_digest=TASK.digest)


def test_what_is_not_locked_is_refused() -> None:
    assert "not built" in (lock.rejection(None, "deepsea") or "")
    assert "not locked" in (lock.rejection(TASK, "deepsea") or "")
    lock.save(lock.made_of([BASE]))
    assert "not locked" in (lock.rejection(TASK, "deepsea") or "")
    lock.save(lock.made_of([BASE, TASK]))
    assert lock.rejection(TASK, "deepsea") is None
    changed = lock.rejection(replace(TASK, id="sha256:" + "5" * 64), "deepsea")
    assert changed is not None
    assert "is 555555555555, not 333333333333 as locked" in changed
    assert "--allow-unpinned" in changed


def test_the_image_of_a_compose_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))

    def noted(image_id: str, allow_unpinned: bool = False) -> str:
        os.environ.pop("KIT_IMAGE_PINNED", None)
        lock.compare(image_id, "deepsea", allow_unpinned)
        return os.environ["KIT_IMAGE_PINNED"]

    assert noted(TASK.id) == noted("") == "0"
    lock.save(lock.made_of([BASE]))
    assert noted(TASK.id) == "0"
    lock.save(lock.made_of([BASE, TASK]))
    with pytest.raises(KitError, match="is 555555555555, not 333333333333 as locked"):
        noted("sha256:" + "5" * 64)
    with pytest.raises(KitError, match="is unknown, not 333333333333 as locked"):
        noted("")
    assert noted("", allow_unpinned=True) == "0"
    assert "KIT_IMAGE_DIGEST" not in os.environ
    assert noted(TASK.id) == "1"
    assert os.environ["KIT_IMAGE_DIGEST"] == TASK.digest
    # What an engine has compared is not compared again.
    lock.compare("", "deepsea", False)


def test_images_that_cannot_be_locked() -> None:
    with pytest.raises(KitError, match="no base image"):
        lock.made_of([])
    with pytest.raises(KitError, match="no base image"):
        lock.made_of([TASK])
    with pytest.raises(KitError, match="different base images"):
        lock.made_of([BASE, replace(TASK, base_digest="sha256:0")])
    with pytest.raises(KitError, match="do not say what they start from"):
        lock.made_of([replace(BASE, base_name=None)])


@pytest.mark.parametrize("content", [b"", b"{", b'{"schema": 1}', b"[]"])
def test_a_damaged_lock_is_told(content: bytes) -> None:
    lock.path().parent.mkdir(parents=True)
    lock.path().write_bytes(content)
    with pytest.raises(KitError, match="run 'kit images lock'"):
        lock.rejection(TASK, "deepsea")


def test_a_lock_of_another_schema() -> None:
    lock.save(structs.replace(lock.made_of([BASE]), schema=2))
    with pytest.raises(KitError, match="schema 2, not 1"):
        lock.read()
