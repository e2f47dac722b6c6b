"""The engine of one run on a node of Slurm's: processes that the array's script starts."""

from __future__ import annotations

import subprocess
from pathlib import Path

from kit.engines.engine import Exit, Handle, SweepOptions
from kit.engines.handover import RESULTS_IN_IMAGE, arguments
from kit.engines.local import Local
from kit.engines.slurm import NAME
from kit.spec import RunSpec


class OneRun(Local):
    """The local engine for one run, started by the array's script, known by its task in Slurm."""

    name = NAME

    def __init__(self, script: Path, task: str, options: SweepOptions, image: str | None) -> None:
        super().__init__(options)
        self.script, self.task, self.image = script, task, image
        self._process: Handle | None = None

    def start(self, spec: RunSpec, gpus: tuple[str, ...]) -> Handle:
        """Start the run."""
        self._process = super().start(spec, gpus)
        return Handle(spec, self.task)

    def find(self, spec: RunSpec, reference: str | None) -> None:
        """Adopt nothing: what an earlier job left was removed by ``clean``."""

    def poll(self, handle: Handle) -> Exit | None:
        """Return how the run ended, with nothing of it left."""
        assert self._process is not None
        end = super().poll(self._process)
        if end is not None:
            self.clean()
        return end

    def stop(self, handle: Handle, grace: float) -> None:
        """Stop the run, by TERM and then KILL."""
        assert self._process is not None
        super().stop(self._process, grace)

    def rejection(self) -> str | None:
        """Return why this node cannot do the run, or None."""
        done = self._call("check")
        said = " ".join(done.stdout.decode("utf-8", "replace").split()) or "no message"
        return None if done.returncode == 0 else f"this node cannot do it: {said}"

    def clean(self) -> None:
        """Remove what is left of the run on this node."""
        self._call("clean")

    def _call(self, what: str) -> subprocess.CompletedProcess[bytes]:
        words = ["bash", str(self.script), what]
        return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)

    def _command(self, spec: RunSpec) -> list[str]:
        results = RESULTS_IN_IMAGE if self.image else None
        words = arguments(spec, self.options.device, results)
        return ["bash", str(self.script), "start", *words]
