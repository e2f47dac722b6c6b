"""Ray: runs on the GPUs of an existing cluster, each made by a supervisor on its node.

Ray gives the GPUs and tells of lost nodes, no more. What is done, and where a run goes on after a
loss, the run folders say; they lie on storage that all nodes share. Runs end with the sweep that
started them, by TERM and so with a checkpoint, for Ray then takes their GPUs to be free.

``cluster`` reaches it and looks at its nodes, ``seats`` are what it has given to a sweep, and
``supervisor`` is the process beside each seat that makes the runs; it has no need of Ray, which is
therefore imported only where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kit.engines.engine import SweepOptions
from kit.errors import UnavailableError
from kit.spec import RunSpec

if TYPE_CHECKING:
    from kit.engines.ray.engine import Ray


def unusable(specs: Sequence[RunSpec], options: SweepOptions) -> str | None:
    """Return why no cluster can be had; what its nodes lack for these runs is seen later."""
    from kit.engines.ray import cluster

    del specs
    try:
        cluster.join(options.ray_address)
    except UnavailableError as error:
        return str(error)
    return None


def connect(options: SweepOptions) -> Ray:
    """Return the engine.

    Raises:
        UnavailableError: no cluster answers.
    """
    from kit.engines.ray import cluster
    from kit.engines.ray.engine import Ray

    cluster.join(options.ray_address)
    return Ray(options)
