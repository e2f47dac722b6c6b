"""The commands that mend data: here, or of Compose where this process is one of its services."""

from __future__ import annotations

import os


def command(action: str, task: str, options: str = "") -> str:
    """Return the command that does something for the data of a task.

    Args:
        action: ``fetch`` or ``prepare``.
        task: its name.
        options: further words, such as ``--tier sample``.
    """
    # compose.yaml sets it; whoever starts its services may have no 'kit' of their own.
    compose = "KIT_SERVICE" in os.environ
    begin = f"docker compose run --rm {task}-{action}" if compose else f"kit data {action} {task}"
    return f"{begin} {options}".rstrip()
