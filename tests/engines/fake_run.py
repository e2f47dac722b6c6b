"""A stand-in for ``kit run`` without torch: the same leases, locks and files, made-up numbers.

What it does besides is told by ``FAKE_RUN``, a JSON object: ``seconds``, the mean time of a run;
``journal``, a file that gets a line when a run begins, and when it ends or is stopped; ``data``,
the digest that the result names; ``hold``, a file during whose life no run ends; and ``acts``, by
seed, an act from ``ACTS`` in place of success; and ``epochs``, by seed, up to which epoch it comes,
one each time that it is begun.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import click

from kit import method, task
from kit.engines import handover, leases
from kit.engines.signals import terminable
from kit.errors import KitError
from kit.files import write_json
from kit.runs.folder import RunFolder, now, read_result
from kit.runs.records import SCHEMA, Attempt, Failure, MetricValue, Provenance, Result
from kit.spec import RunSpec

STARTED = "2020-01-01T00:00:00+00:00"
STOPS = (signal.SIGINT, signal.SIGTERM)
ACTS = ("fail", "killed", "crash", "gpu-oom", "no-memory", "disk", "busy", "once", "mute", "hang")


def spec_of(task_name: str, method_name: str, seed: int) -> RunSpec:
    found = task.find(task_name)
    return method.find(method_name).spec(
        found, seed, protocol="clean", profile="smoke", tier=found.tiers[-1]
    )


def value(spec: RunSpec) -> float:
    """Return a number in [0, 1) that depends on the run alone."""
    return int(hashlib.sha256(spec.id.encode()).hexdigest()[:8], 16) / 2**32


@click.command()
@click.argument("word")
@click.option("--spec", type=Path)
@click.option("--device")
def main(spec: Path, **_: Any) -> None:
    make(handover.read(spec), json.loads(os.environ["FAKE_RUN"]))


def make(spec: RunSpec, plan: dict[str, Any]) -> None:
    try:
        with leases.for_this_process(1, None) as gpus:
            run(spec, plan, gpus)
    except KitError as error:
        click.echo(f"kit: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        RunFolder(spec).set_status("cancelled", message="interrupted; run it again to resume")
        sys.exit(130)


def run(spec: RunSpec, plan: dict[str, Any], gpus: tuple[str, ...]) -> None:
    folder = RunFolder(spec)
    act = plan.get("acts", {}).get(str(spec.seed))
    with folder.opened(), terminable():
        if act == "hang":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if folder.result.exists():
            read_result(folder.result)
            return
        if act != "mute":
            folder.set_status("running", stage="train", epoch=1, epochs=2, loss=0.5)
        # A signal waits until the line is there: only what was begun is stopped.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        note(plan, spec, gpus, "begin")
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
            go_on(folder, plan.get("epochs", {}).get(str(spec.seed), 0))
            seconds = plan.get("seconds", 0.0) * (0.5 + value(spec))
            long = plan.get("long", {}).get(str(spec.seed), seconds)
            time.sleep(60 if act == "hang" else long)
            while "hold" in plan and os.path.exists(plan["hold"]):
                time.sleep(0.02)
            if act is not None:
                misbehave(act, folder)
            write_json(folder.result, made_up(spec, gpus, plan.get("data", "")))
            folder.set_status("succeeded")
        except KeyboardInterrupt:
            note(plan, spec, gpus, "stop")
            raise
        note(plan, spec, gpus, "end")


def go_on(folder: RunFolder, most: int) -> None:
    """Come one epoch further, up to so many."""
    lines = folder.history.read_text().splitlines() if folder.history.exists() else []
    if len(lines) < most:
        lines.append(json.dumps({"stage": "train", "epoch": len(lines), "loss": 0.5}))
        folder.history.write_text("".join(f"{line}\n" for line in lines))


def misbehave(act: str, folder: RunFolder) -> None:
    if act == "once":
        mark = folder.path / "tried"
        if mark.exists():
            return
        mark.touch()
        act = "killed"
    if act == "fail":
        folder.set_status("failed", failure="method", message="loss is NaN")
        sys.exit(1)
    if act == "busy":
        sys.exit(75)
    texts = {
        "gpu-oom": "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB",
        "no-memory": "RuntimeError: DefaultCPUAllocator: can't allocate memory",
        "disk": "OSError: [Errno 28] No space left on device",
    }
    print(texts.get(act, "all was well until now"), flush=True)
    signals = {"killed": signal.SIGKILL, "mute": signal.SIGKILL, "crash": signal.SIGSEGV}
    if act in signals:
        os.kill(os.getpid(), signals[act])
    sys.exit(1)


def note(plan: dict[str, Any], spec: RunSpec, gpus: tuple[str, ...], what: str) -> None:
    line = {"run": str(spec.folder), "seed": spec.seed, "gpus": gpus, "what": what}
    line |= {"time": time.time(), "pid": os.getpid()}
    if "journal" in plan:
        with open(plan["journal"], "a") as stream:
            stream.write(json.dumps(line) + "\n")


def attempt(ended: str | None = None, failure: Failure | None = None) -> Attempt:
    return Attempt(
        engine="local",
        reference="1:1",
        gpus=(),
        number=1,
        started=STARTED,
        ended=ended,
        failure=failure,
        message="because" if failure else None,
    )


def made_up(spec: RunSpec, gpus: tuple[str, ...], data: str = "") -> Result:
    metric = MetricValue(
        value=value(spec), unit="%", aggregation="made up", n_units=1, n_undefined=0
    )
    return Result(
        schema=SCHEMA,
        spec=spec,
        metrics=dict.fromkeys(task.find(spec.task).metrics, metric),
        stages={},
        architecture=None,
        artifacts=[],
        parameters=None,
        macs=None,
        code_hash="",
        provenance=Provenance(
            started=now(),
            ended=now(),
            git_sha=None,
            git_dirty=None,
            python="",
            torch="",
            cuda=None,
            driver=None,
            device="stand-in",
            device_uuid=",".join(gpus) or None,
            threads=1,
            image_id=None,
            image_digest=None,
            data=data,
        ),
    )


if __name__ == "__main__":
    main()
