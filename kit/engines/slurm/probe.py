"""A look at the nodes of Slurm's, through Slurm: what each has, and what it lacks for the kit."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from kit.engines import nodes
from kit.engines.slurm import client
from kit.errors import KitError

# A node at work has no time for a look; this is how long it is waited for.
SECONDS = 20
FREE = ("idle", "mixed")
AT_A_TIME = 16


@dataclass(frozen=True)
class SlurmNode:
    """One node.

    Attributes:
        state: in Slurm's words.
        gpus: that Slurm has there.
        node: what it told; None where it could not be asked, or did not answer.
        trouble: why no run should go there; None as well where it could not be asked.
    """

    name: str
    state: str
    gpus: int
    node: nodes.NodeReport | None = None
    trouble: str | None = None

    @property
    def memory(self) -> float:
        """Bytes of each GPU there, as far as is known."""
        return nodes.memory(self.node)

    @property
    def images(self) -> tuple[str, ...]:
        """The tasks whose image its Docker engine has."""
        return self.node.images if self.node else ()


def probe(most: int | None = None) -> list[SlurmNode]:
    """Return the nodes of the cluster, after a look through each that is free.

    Args:
        most: look through so many at most, and return those alone.

    Raises:
        UnavailableError: there is no Slurm.
    """
    known = [SlurmNode(*words) for words in client.nodes()]
    if most is not None:
        known = [seen for seen in known if _is_free(seen)][:most]
    with ExitStack() as stack:
        folder = stack.enter_context(nodes.meeting())
        pool = stack.enter_context(ThreadPoolExecutor(AT_A_TIME))
        return list(pool.map(lambda seen: _ask(seen, folder), known))


def checks() -> Sequence[tuple[str, bool, str]]:
    """Return a line for each node: its name, whether it is fit, and what it has."""
    return [(seen.name, seen.trouble is None, _words(seen)) for seen in probe()]


def _ask(seen: SlurmNode, folder: Path) -> SlurmNode:
    if not _is_free(seen):
        return seen
    words = [f"--nodelist={seen.name}", "--nodes=1", "--ntasks=1", f"--immediate={SECONDS}"]
    words += ["--job-name=kit-doctor", "--time=2", "--chdir=/", "--quiet"]
    words += ["--gres=gpu:1"] if seen.gpus else []
    command = [sys.executable, "-m", "kit.engines.nodes", str(folder), seen.name]
    try:
        client.call("srun", *words, *command, seconds=3 * SECONDS)
    except KitError as error:
        return replace(seen, trouble=str(error))
    node = nodes.answer(folder, seen.name)
    return replace(seen, node=node, trouble=nodes.trouble(folder, node, seen.gpus, "Slurm"))


def _is_free(seen: SlurmNode) -> bool:
    return seen.state.rstrip("~#$@+%*") in FREE


def _words(seen: SlurmNode) -> str:
    state = f"{seen.state}, {seen.gpus} GPUs"
    if seen.trouble is not None:
        return f"{state}; {seen.trouble}"
    if seen.node is None:
        return f"{state}: not looked at"
    return f"{state} {nodes.describe(seen.node)}"
