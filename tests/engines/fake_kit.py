"""Stands in for ``kit`` in a container; what it does, the seed says. See test_docker.py."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

PREPARES = sys.argv[1:3] == ["data", "prepare"]
FOLDER = Path("/kit/data", sys.argv[3]) if PREPARES else Path(os.environ["KIT_LOG"]).parent


def refused(action: Callable[[], object]) -> str | None:
    """Return the name of the error that an action is refused with, or None."""
    try:
        action()
    except OSError as error:
        return type(error).__name__
    return None


def look() -> None:
    """Tell all that a run can find out about the walls around it."""
    status = dict(line.split(":\t") for line in Path("/proc/self/status").read_text().splitlines())
    Path("/tmp/scratch").write_text("scratch")
    facts = {
        "environment": dict(os.environ),
        "words": sys.argv[1:],
        "uid": os.getuid(),
        "gid": os.getgid(),
        "init": Path("/proc/1/comm").read_text().strip(),
        "capabilities": status["CapEff"],
        "bounding": status["CapBnd"],
        "no_new_privileges": status["NoNewPrivs"],
        "interfaces": sorted(os.listdir("/sys/class/net")),
        "root": refused(lambda: Path("/kit/here").write_text("x")),
        "data": refused(lambda: Path("/kit/data/here").write_text("x")),
        "raw": refused(lambda: Path("/kit/data/raw/here").write_text("x")),
        "results": refused(lambda: Path("/kit/results/here").write_text("x")),
        "network": refused(lambda: socket.create_connection(("192.0.2.1", 80), 1)),
        "shm": os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize,
        "memory": memory(),
    }
    (FOLDER / "facts.json").write_text(json.dumps(facts))


def memory() -> str | None:
    """Return the limit of this control group."""
    for name in ("memory/memory.limit_in_bytes", "memory.max"):
        file = Path("/sys/fs/cgroup", name)
        if file.exists():
            return file.read_text().strip()
    return None


def deaf() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sleep()


def tell(*_: object) -> None:
    (FOLDER / "terminated").touch()
    sys.exit(130)


def sleep() -> None:
    (FOLDER / "began").touch()
    time.sleep(60)


def greedy() -> None:
    hoard: list[bytes] = []
    while True:
        hoard.append(b"x" * (8 << 20))


def chatter() -> None:
    sys.stdout.buffer.write(b"\xff\xfe not UTF-8\rover\n")
    sys.stdout.buffer.write(b"progress\r" * 100_000 + b"last line\n")


def prepare() -> None:
    """End as the profile says: done, in the hands of somebody else, or failed."""
    look()
    print(f"prepares as {os.getuid()}", file=sys.stderr)
    sys.exit({"smoke": 0, "lite": 75, "paper": 2}[sys.argv[-1]])


signal.signal(signal.SIGTERM, tell)
if PREPARES:
    prepare()
actions = [look, sleep, deaf, greedy, chatter, lambda: sys.exit(7)]
spec = json.loads(Path(sys.argv[sys.argv.index("--spec") + 1]).read_text())
actions[spec["seed"]]()
