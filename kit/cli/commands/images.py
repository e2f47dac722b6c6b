"""``kit images``: the container images, their lock, and compose.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kit.cli import options
from kit.cli.output import print_json
from kit.cli.types import FilePath
from kit.columns import aligned
from kit.errors import KitError

if TYPE_CHECKING:
    from kit.containers.images import DockerImage

MB = 1e6


@click.group(name="images")
def command() -> None:
    """Build, list and lock the container images; write compose.yaml."""


@command.command()
@click.argument("tasks", nargs=-1, metavar="[TASK]...", type=options.TASK)
@click.option(
    "--base-image",
    metavar="NAME",
    help="Base of all images. Default: that of the Dockerfile, by the digest in the lock.",
)
@click.option(
    "--wheels",
    type=FilePath(exists=True, file_okay=False, resolve_path=True),
    help="Folder of wheels that pip takes before those of the index.",
)
@click.option(
    "--ca",
    type=FilePath(exists=True, dir_okay=False, resolve_path=True),
    help="File of certificates for pip behind a proxy.",
)
@click.option("--network", metavar="NAME", help="Network of the build, as for 'docker build'.")
@click.option("--cpu", is_flag=True, help="Leave out what only GPUs need; the images are smaller.")
def build(
    tasks: tuple[str, ...],
    base_image: str | None,
    wheels: Path | None,
    ca: Path | None,
    network: str | None,
    cpu: bool,
) -> None:
    """Build the base image and the images of TASKs (default: all)."""
    from kit import paths, task
    from kit.containers import build as building
    from kit.containers import images, machine
    from kit.containers.client import connect
    from kit.engines import leases

    names = [task.find(name).name for name in tasks or task.names()]
    paths.checkout("images")
    client = connect()
    how = building.BuildOptions(
        base_image=base_image, wheels=wheels, ca=ca, network=network, cpu=cpu
    )
    building.build(client, names, how)
    # What compose mounts has to be there, and to be the caller's.
    leases.make_folder()
    for folder in (paths.results(), paths.data() / "raw"):
        folder.mkdir(parents=True, exist_ok=True)
    written = machine.write(client, images.listing(client))
    if written is not None:
        click.echo(f"wrote {written}: settings of this machine for compose.yaml")


@command.command(name="list")
@options.formats("text", "json")
def list_(form: str) -> None:
    """List the images, and what each adds to the base image."""
    from kit.containers import images
    from kit.containers.client import connect

    found = images.listing(connect())
    if form == "json":
        print_json(found)
        return
    if not found:
        raise KitError("no image is built; run 'kit images build'")
    _show(found)


@command.command(name="lock")
def lock_() -> None:
    """Pin the images that are built.

    From then on, runs in other images are refused.
    """
    from kit.containers import images
    from kit.containers import lock as locking
    from kit.containers.client import connect

    lock = locking.made_of(images.listing(connect()))
    locking.save(lock)
    base = lock.base_image
    click.echo(f"{locking.path()}: {len(lock.images)} images on {base.name} ({base.digest})")


@command.command(name="sbom")
@click.argument("name", metavar="TASK|base")
def sbom_(name: str) -> None:
    """Print the bill of materials of an image (CycloneDX, JSON)."""
    from kit.containers import images, sbom
    from kit.containers.client import connect

    client = connect()
    image = images.find(client, name)
    if image is None:
        raise KitError(f"there is no image {name!r}; 'kit images list' shows them")
    print_json(sbom.bill(image, images.packages(client, image)))


@command.command()
@click.option("--write", is_flag=True, help="Write compose.yaml to the checkout instead.")
def compose(write: bool) -> None:
    """Print compose.yaml, made from the task folders."""
    from kit.containers import compose as composing
    from kit.files import write_bytes

    text = composing.render()
    if write:
        write_bytes(composing.path(), text.encode())
        click.echo(f"wrote {composing.path()}")
    else:
        click.echo(text, nl=False)


def _show(found: list[DockerImage]) -> None:
    from kit.containers.lock import rejection, short

    rows = [("image", "id", "MB", "added MB", "layers", "shared", "commit", "locked")]
    rows += [
        (
            image.name,
            short(image.id),
            f"{image.size / MB:.0f}",
            "old base" if image.added is None else f"{image.added / MB:.2f}",
            str(image.layers),
            str(image.shared),
            (image.revision or "")[:12],
            "no" if rejection(image, image.name) else "yes",
        )
        for image in found
    ]
    click.echo(aligned(rows))
