"""What lies where below the folder of all runs: ``TASK/METHOD/PROFILE-PROTOCOL/seed-S-ID8/FILE``.

docs/architecture.md says who writes each file.
"""

from __future__ import annotations

from pathlib import Path

SPEC, STATUS, ATTEMPT = "spec.json", "status.json", "engine.json"
HISTORY, RESULT, LOG = "history.jsonl", "result.json", "log.txt"
# The digest of the data that the run was begun with.
DATA = "data.json"
# Held by the process that is at the run.
LOCK = "run.lock"
# Held by the queue that has the run, from before its start to after its end.
CLAIM = "queue.lock"
# What a queue that was killed may leave of ``ATTEMPT``.
ATTEMPT_TMP = f".{ATTEMPT}.*.tmp"
FOLDERS = "*/*/*/seed-*"


def folders(root: Path) -> list[Path]:
    """Return the folders of all runs below the folder of runs, sorted."""
    return [path for path in sorted(root.glob(FOLDERS)) if path.is_dir()]


def files(root: Path, name: str) -> list[Path]:
    """Return the files of a name, or of a pattern, in the folders of all runs, sorted."""
    return sorted(root.glob(f"{FOLDERS}/{name}"))
