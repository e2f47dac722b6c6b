"""Stand-in GPUs: a small NVML in C, loaded by the real nvidia-ml-py."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LIBRARY = "libnvidia-ml.so.1"


def build(folder: Path) -> Path:
    """Compile the stand-in into ``folder``; a process finds it by ``LD_LIBRARY_PATH=folder``."""
    library = folder / LIBRARY
    source = Path(__file__).with_name("nvml.c")
    words = ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", f"-Wl,-soname,{LIBRARY}"]
    subprocess.run([*words, "-o", str(library), str(source)], check=True)
    return library


@dataclass
class FakeGpus:
    """What the stand-in shows: the file that it reads at every call.

    A ``MIG-`` UUID is that of a part of the GPU before it.
    """

    library: Path
    file: Path
    uuids: Sequence[str]
    total_mb: int = 16000
    used_mb: dict[str, int] = field(default_factory=dict)
    pids: dict[str, Sequence[int]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)

    def write(self) -> None:
        """Show the present state."""
        self.file.write_text("".join(f"{self._line(uuid)}\n" for uuid in self.uuids))

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process needs to see these GPUs."""
        return {"LD_LIBRARY_PATH": str(self.library.parent), "KIT_FAKE_NVML": str(self.file)}

    def _line(self, uuid: str) -> str:
        if uuid in self.lost:
            return f"{uuid} lost"
        pids = ",".join(map(str, self.pids.get(uuid, ()))) or "-"
        return f"{uuid} Stand-in {self.total_mb} {self.used_mb.get(uuid, 0)} {pids}"
