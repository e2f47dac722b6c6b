"""Published facts about CIFAR-100: counts, classes, and the mean and deviation of pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kit.data.facts import Fact, classes, fact, sizes
from kit.data.prepared import Prepared
from kit.task import Task

PER_CLASS = {"train": 500, "test": 100}
# The code of both papers states the constants to four digits.
ROUNDING = 0.0005


def facts(task: Task, data: Prepared) -> Iterator[Fact]:
    """Yield sizes, images per class, and the mean and deviation of the training images."""
    yield from sizes(task, data)
    yield from classes(task, data)
    y = np.asarray(data.array("y"))
    fitted = np.concatenate([data.fold("train"), data.fold("val")])
    for name, rows in (("train", fitted), ("test", data.fold("test"))):
        counts = np.bincount(y[rows], minlength=task.outputs)
        expected = (PER_CLASS[name], PER_CLASS[name])
        extremes = int(counts.min()), int(counts.max())
        yield fact(f"fewest and most {name} images of a class", expected, extremes)
    x = np.asarray(data.array("x"))[np.sort(fitted)]
    for number, colour in enumerate(("red", "green", "blue")):
        values = x[:, number]
        for what, constants, found in (
            ("mean", task.rules["mean"], values.mean()),
            ("deviation", task.rules["std"], values.std()),
        ):
            expected = round(constants[number] / 255, 4)
            yield fact(
                f"{what} of {colour}",
                expected,
                float(found) / 255,
                within=ROUNDING,
                where="the released code",
            )
