"""Hashes of the packages that images install, ``docker/requirements.lock``: ``make pins``.

Versions are those of ``constraints.txt``, hashes those of all files that the index has of them, so
that they hold on any Python and machine.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator

from kit import paths

ROOT = paths.project()
LOCK = ROOT / "docker" / "requirements.lock"
HEAD = "# Written by 'make pins': what images install before torch, each file by its hash.\n"
# torch comes from several indexes, with other hashes in each; what it brings for GPUs comes along.
LEFT_OUT = re.compile(r"torch|triton|cuda-.*|nvidia-(?!ml-py$).*")


def main() -> None:
    """Resolve the dependencies by uv, given as the first argument, and write the file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    words = ["--universal", "--python-version", project["requires-python"].strip(">=")]
    words += ["--generate-hashes", "--no-header", "--no-annotate", "-c", "constraints.txt", "-"]
    done = subprocess.run(
        [sys.argv[1], "pip", "compile", "--quiet", *words],
        input="\n".join(project["dependencies"]),
        capture_output=True,
        check=True,
        cwd=ROOT,
        text=True,
        encoding="utf-8",
    )
    kept = (text for name, text in packages(done.stdout) if not LEFT_OUT.fullmatch(name))
    LOCK.write_text(HEAD + "".join(kept), encoding="utf-8")


def packages(text: str) -> Iterator[tuple[str, str]]:
    """Yield the name of each package, and its lines."""
    for found in re.finditer(r"^([\w.-]+)==.*\n(?: .*\n?)*", text, re.M):
        yield found[1], found[0]


if __name__ == "__main__":
    main()
