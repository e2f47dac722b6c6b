"""The command that fetches or prepares data, for error messages: of the kit, or of Compose."""

from __future__ import annotations

import os


def command(action: str, task: str, options: str = "") -> str:
    """Return the command that fetches or prepares the data of a task.

    In a service of Compose, it is a command of Compose.

    Args:
        action: ``fetch`` or ``prepare``.
        task: the task's name.
        options: further options, such as ``--tier sample``.
    """
    # compose.yaml sets the variable; the host of its services may have no 'kit' installed.
    compose = "KIT_SERVICE" in os.environ
    begin = f"docker compose run --rm {task}-{action}" if compose else f"kit data {action} {task}"
    return f"{begin} {options}".rstrip()
