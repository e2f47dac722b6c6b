"""Preparing ImageNet: an index of the images in the user's copy; the images are not copied."""

from __future__ import annotations

import numpy as np

from kit.data.split import in_order
from kit.errors import DataError
from kit.seeding import generator
from kit.task import Contents, Preparation

from .index import images, labels
from .synthetic import COUNT, write

# One of this many training images is held out for validation.
HELD_OUT = 100


def prepare(job: Preparation) -> Contents:
    """Return addresses, classes and folds; training images are in a fixed random order."""
    root, place = job.raw, ""
    if job.tier == "synthetic":
        counts = {name: job.samples.get(name, count) for name, count in COUNT.items()}
        place = f"synthetic-{'-'.join(map(str, counts.values()))}"
        write(root / place, counts)
    seen = 0

    def progress(count: int) -> None:
        job.progress(seen + count, 1_331_167)

    train = images(root / place, "train", progress)
    seen = len(train)
    test = images(root / place, "val", progress)
    addresses = [f"{place}/{image.address}".lstrip("/").encode() for image in (*train, *test)]
    if job.tier == "synthetic":
        y = [int(image.label[1:]) for image in (*train, *test)]
        held_out = counts["val"]
    else:
        y = labels(train, test)
        held_out = len(train) // HELD_OUT
    if held_out == 0:
        raise DataError(f"imagenet-1k: {len(train)} images are too few to hold any out")
    order = generator(0, "imagenet-1k", "order").permutation(len(train))
    order = np.concatenate([order, len(train) + np.arange(len(test))])
    chosen = [addresses[number] for number in order]
    sizes = np.array([len(address) for address in chosen])
    return Contents(
        arrays={
            "x": np.frombuffer(b"".join(chosen), np.uint8),
            "x-offsets": np.concatenate([[0], np.cumsum(sizes)]),
            "y": np.array(y, np.int64)[order],
            "unit_id": np.arange(len(order)),
        },
        folds=in_order({"train": len(train) - held_out, "val": held_out, "test": len(test)}),
        origin={"images": "not copied: x holds their addresses below the raw folder"},
    )
