"""The parts of ``kit bench gpu``, as jobs of seconds to a minute each."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import torch

from kit import paths, task
from kit.bench import aggconv, search, spaces
from kit.bench.aggconv.cases import CASES, AggConvCase, supports
from kit.bench.aggconv.steps import PLAIN, step
from kit.bench.gpu.training import NETWORKS, VARIANTS, Shape, twice, variant
from kit.data import preparing
from kit.ops import METHODS

Rows = Iterable[Mapping[str, Any]]
REFERENCES = ("released", "mixed-results")
LAYERS = "AggConv, forward and backward pass"
REPEATED = "AggConv twice"
SEARCHES = "Search epochs of DASH"
STEPS = "Search steps of other spaces"
FASTER = "Faster training"
TWICE = "The same training twice"
TESTS = "Tests marked gpu"


@dataclass(frozen=True)
class Sizes:
    """What is measured.

    Attributes:
        cases: layers; by default those of docs/kernel.md, and with sixteen times the samples.
        tasks: whose DASH search is measured, on the smoke data.
        batch: samples of a step of that search; None for the few that suit two CPU cores.
        spaces: of ``kit.bench.spaces``, whose search steps are measured.
        training: the networks that are trained.
        rounds: of which medians count.
        tests: what pytest is given.
    """

    cases: Sequence[AggConvCase] = (
        *CASES,
        *(
            dataclasses.replace(case, name=f"{case.name}, 16 × samples", batch=16 * case.batch)
            for case in CASES
        ),
    )
    tasks: Sequence[str] = tuple(search.TASKS)
    batch: int | None = 8
    spaces: Sequence[str] = ("darts", "densenas")
    training: Shape = field(default_factory=Shape)
    rounds: int = 5
    tests: Sequence[str] = ("-m", "gpu")


@dataclass(frozen=True)
class Job:
    """Rows of a part that are measured in one piece."""

    part: str
    name: str
    run: Callable[[], Rows]


def jobs(device: str, sizes: Sizes) -> list[Job]:
    """Return all jobs on a device, in the order of the page."""
    found = [Job(LAYERS, each.name, partial(layer, each, device, sizes)) for each in sizes.cases]
    found += [Job(REPEATED, each.name, partial(repeated, each, device)) for each in sizes.cases]
    found += [Job(SEARCHES, each, partial(epochs, each, device, sizes)) for each in sizes.tasks]
    found += [Job(STEPS, each, partial(steps, each, device, sizes)) for each in sizes.spaces]
    for network in NETWORKS:
        for name in VARIANTS:
            run = partial(variant, network, name, device, sizes.training, sizes.rounds)
            found.append(Job(FASTER, f"{network}, {name}", run))
        found.append(Job(TWICE, network, partial(twice, network, device, sizes.training)))
    return [*found, Job(TESTS, " ".join(sizes.tests), partial(tests, sizes.tests))]


def forms(case: AggConvCase) -> list[str]:
    """Return the forms of AggConv for a case; mixed-weights has too many taps on two axes."""
    every = [*METHODS, "auto", "autotune"]
    few = [name for name in every if name != "mixed-weights" or len(case.sizes) == 1]
    return [name for name in few if supports(case, name)]


def layer(case: AggConvCase, device: str, sizes: Sizes) -> Rows:
    """Yield a row for each form of a layer: time, how many times the references', memory."""
    rows = aggconv.measure(
        [case], [*forms(case), PLAIN], rounds=sizes.rounds, seconds=0, device=device
    )
    times = [aggconv.ratios(rows, reference) for reference in REFERENCES]
    for row in rows:
        key = row["case"], row["method"]
        yield {
            "layer": row["case"],
            "method": row["method"],
            "seconds": row["seconds"],
            **{f"× {name}": of[key][0] for name, of in zip(REFERENCES, times, strict=True)},
            "peak_bytes": row["peak_bytes"],
            "peak ÷ released": times[0][key][1],
        }


def repeated(case: AggConvCase, device: str) -> Rows:
    """Yield a row for each form of a layer: whether its gradients are the same bits again."""
    for name in forms(case):
        gradients = step(case, name, device=device)
        gradients()  # libraries choose their algorithms, and the autotune its method
        pairs = zip(gradients(), gradients(), strict=True)
        same = all(torch.equal(one, other) for one, other in pairs)
        yield {"layer": case.name, "method": name, "same bits": "yes" if same else "no"}


def epochs(name: str, device: str, sizes: Sizes) -> Rows:
    """Return the rows of ``kit bench search``; data that are not there are prepared."""
    found = task.find(name)
    tier = preparing.choose_tier(found, search.PROFILE, None)
    preparing.prepare(found, tier, search.PROFILE)
    return search.measure(name, tier, batch_size=sizes.batch, rounds=sizes.rounds, device=device)


def steps(space: str, device: str, sizes: Sizes) -> Rows:
    """Return the rows of ``kit bench spaces``."""
    return spaces.measure(space, rounds=sizes.rounds, device=device)


def tests(words: Sequence[str]) -> Rows:
    """Run tests of a checkout in a process of their own, and yield what came out.

    Raises:
        RuntimeError: there are none here, or pytest found none or broke down.
    """
    folder = paths.project() / "tests"
    if paths.installed() or not folder.is_dir():
        raise RuntimeError("an installed kit has no tests; take a checkout")
    with tempfile.TemporaryDirectory() as place:
        log = Path(place) / "tests.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--junitxml={log}",
        ]
        done = subprocess.run(
            [*command, *words],
            cwd=folder.parent,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode not in (0, 1):
            lines = (done.stdout + done.stderr).strip().splitlines() or ["no output"]
            raise RuntimeError(f"pytest exit {done.returncode}: {lines[-1]}")
        for found in ElementTree.parse(log).iter("testcase"):
            kinds = [child.tag for child in found if child.tag in ("failure", "error", "skipped")]
            name = f"{found.get('classname')}.{found.get('name')}"
            seconds = float(found.get("time", "nan"))
            yield {"test": name, "result": kinds[0] if kinds else "passed", "seconds": seconds}
