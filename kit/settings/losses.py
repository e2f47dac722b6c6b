"""Which losses fit which answers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import get_args

from msgspec import Struct
from msgspec.structs import fields

from kit.columns import plural
from kit.errors import KitError
from kit.settings.loss_names import ANSWERS, LossName, parse

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


def check_losses(settings: Struct, task: str, own: str, outputs: int) -> None:
    """Hold the losses in settings to the answers of a task.

    Words that are none are left to the method, unless the setting is a ``LossName``.

    Args:
        settings: of a method.
        task: its name, for the message.
        own: the loss of the task.
        outputs: how many the task has.

    Raises:
        KitError: a loss is for other answers or another number of outputs, or there is no such
            loss, or it has no such parameter.
    """
    known = fitting(own)
    for place, loss, named in _losses(settings):
        scale = parse(loss)[1].get("scale") if named else None
        if known and _base(loss) in ANSWERS and _base(loss) not in known:
            raise KitError(
                f"{place} = {loss!r} is for {ANSWERS[_base(loss)]}, and the answers of {task} are "
                f"{ANSWERS[_base(own)]}; there is {', '.join(sorted(known))}"
            )
        if isinstance(scale, tuple) and len(scale) != outputs:
            raise KitError(
                f"{place} = {loss!r}: scale has {len(scale)} numbers for "
                f"{plural(outputs, 'output')}; give one for all or one for each"
            )


def _base(loss: str) -> str:
    """Return the name of a loss without its parameters."""
    return loss.partition(":")[0]


def _losses(settings: Struct, place: str = "") -> Iterator[tuple[str, str, bool]]:
    """Yield all losses in settings, each with its full name, and whether it is a ``LossName``."""
    for name in settings.__struct_fields__:
        value = getattr(settings, name)
        if name in SETTINGS and isinstance(value, str):
            yield place + name, value, name in _named(type(settings))
        elif isinstance(value, Struct):
            yield from _losses(value, f"{place}{name}.")


@cache
def _named(kind: type[Struct]) -> frozenset[str]:
    """Return the settings of a class that are each a ``LossName``, or may be None, too."""
    return frozenset(
        each.name for each in fields(kind) if LossName in (each.type, *get_args(each.type))
    )
