"""Which losses fit which answers; the losses themselves need torch: ``kit.training.losses``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec import Struct

from kit.errors import KitError

Answers = Literal["classes", "labels", "numbers"]
"""One class of several, labels that are 0 or 1 each, or any numbers."""
ANSWERS: Mapping[str, Answers] = {
    "cross-entropy": "classes",
    "focal": "classes",
    "bce": "labels",
    "masked-bce": "labels",
    "zeroed-bce": "labels",
    "mse": "numbers",
    "mae": "numbers",
    "scaled-mse": "numbers",
    "scaled-mae": "numbers",
    "pinball": "numbers",
    "log-cosh": "numbers",
    "relative-l2": "numbers",
}
# Labels are numbers, too, but none at all would be divided by.
OF_LABELS = [name for name, of in ANSWERS.items() if of != "classes" and name != "relative-l2"]
SETTINGS = ("loss", "validation_loss")


def fitting(own: str) -> list[str]:
    """Return the names of the losses that a task can be trained on.

    Args:
        own: the loss of the task, with or without parameters.
    """
    answers = ANSWERS.get(_base(own))
    if answers is None:
        return []
    if answers == "labels":
        return OF_LABELS
    return [name for name, each in ANSWERS.items() if each == answers]


def check_losses(settings: Struct, task: str, own: str) -> None:
    """Hold the losses in settings to the answers of a task; other words are left to the method.

    Args:
        settings: of a method.
        task: its name, for the message.
        own: the loss of the task.

    Raises:
        KitError: a loss is for other answers.
    """
    known = fitting(own)
    for place, loss in _losses(settings):
        if known and _base(loss) in ANSWERS and _base(loss) not in known:
            raise KitError(
                f"{place} = {loss!r} is for {ANSWERS[_base(loss)]}, and the answers of {task} are "
                f"{ANSWERS[_base(own)]}; there is {', '.join(sorted(known))}"
            )


def _base(loss: str) -> str:
    """Return the name of a loss without its parameters."""
    return loss.partition(":")[0]


def _losses(settings: Struct, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield all losses in settings, each with its full name."""
    for name in settings.__struct_fields__:
        value = getattr(settings, name)
        if name in SETTINGS and isinstance(value, str):
            yield place + name, value
        elif isinstance(value, Struct):
            yield from _losses(value, f"{place}{name}.")
