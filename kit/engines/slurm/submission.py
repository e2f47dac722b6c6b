"""Submitting arrays: all of them or none, and every run told where it waits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from kit.engines.jobs import Job
from kit.engines.slurm import client, note, reference_of
from kit.engines.slurm.arrays import CONTENT, SCRIPT, Array, Site
from kit.engines.slurm.probe import probe
from kit.engines.slurm.script import script
from kit.errors import KitError, UnavailableError
from kit.files import write_bytes, write_json
from kit.runs.folder import RunFolder
from kit.spec import RunSpec


def check(arrays: Sequence[Array], site: Site) -> None:
    """Ask Slurm whether it could ever run these arrays.

    Raises:
        UnavailableError: there is no Slurm.
        KitError: no node can hold one of them.
    """
    longest = client.longest(site.partition)
    most = max((gpus for _, _, gpus in client.nodes()), default=0)
    for array in arrays:
        if longest is not None and array.hours > longest:
            raise KitError(f"Slurm ends jobs there after {longest:.4g} h; say so by --hours")
        if array.gpus > most:
            raise KitError(f"{array.runs[0]} needs {array.gpus} GPUs, and no node has over {most}")
        try:
            client.check(script(array, site))
        except UnavailableError:
            raise
        except KitError as error:
            line = f"Slurm cannot run {array.runs[0]} for {array.hours} h: {error}"
            raise KitError(line) from None


def check_node(arrays: Sequence[Array], site: Site) -> bool:
    """Look through a node whether it sees results, data and images; False if none is free.

    Raises:
        KitError: it lacks one of them, or no node has enough GPU memory for a run.
    """
    node = next(iter(probe(most=1)), None)
    if node is None:
        return False
    if node.trouble is not None:
        raise KitError(f"{node.name} {node.trouble}")
    tasks = {run.task for array in arrays for run in array.runs}
    if site.container == "docker" and (missing := tasks - set(node.images)):
        raise KitError(f"{node.name} has no image of {', '.join(sorted(missing))}")
    jobs = (array.job(index) for array in arrays if array.gpus for index in range(len(array.runs)))
    measured = [job for job in jobs if job.memory is not None]
    if measured and not (node.gpus and all(job.fits(node.memory) for job in measured)):
        _check_memory(measured)
    return True


def _check_memory(jobs: Sequence[Job]) -> None:
    """Refuse runs that fit on no node's GPUs; those of busy nodes count as large enough."""
    sizes = [node.memory for node in probe() if node.gpus]
    for job in jobs:
        if not any(job.fits(size) for size in sizes):
            raise KitError(f"{job.spec} {job.too_large(sizes)}")


def submit(arrays: Sequence[Array], site: Site) -> list[str]:
    """Submit arrays and return the numbers of their jobs, in the same order.

    They are held back until every run has a note of its task, which no task must overtake.

    Raises:
        UnavailableError: there is no Slurm.
        KitError: it refuses one of them; then none is left, nor any note.
    """
    jobs: list[str] = []
    noted: list[RunSpec] = []
    try:
        for array in arrays:
            text, folder = script(array, site), Path(array.folder)
            write_bytes(folder / SCRIPT, text.encode())
            write_json(folder / CONTENT, array)
            earlier = [
                job for job, other in zip(jobs, arrays, strict=False) if other.wave < array.wave
            ]
            order = [f"--dependency=afterany:{':'.join(earlier)}"] if earlier else []
            jobs.append(client.submit(text, "--hold", *order))
            for index, spec in enumerate(array.runs):
                note(spec, f"{jobs[-1]}_{index}")
                noted.append(spec)
        for job in jobs:
            client.call("scontrol", "release", job)
    except BaseException:
        client.cancel(jobs)
        for spec in noted:
            RunFolder(spec).drop_attempt()
        raise
    return jobs


def waiting(specs: Iterable[RunSpec]) -> dict[str, str]:
    """Return which runs are in Slurm's queue already: references by run id."""
    noted = {spec.id: reference for spec in specs if (reference := reference_of(spec))}
    queued = client.queued() if noted else {}
    return {run: reference for run, reference in noted.items() if reference in queued}
