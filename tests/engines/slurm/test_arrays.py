"""Arrays and their scripts, without Slurm."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from kit import paths
from kit.cli.commands import submit
from kit.containers import lock
from kit.engines.devices import GIB
from kit.engines.jobs import Job
from kit.engines.nodes import NodeReport
from kit.engines.slurm import arrays, client, submission
from kit.engines.slurm.arrays import Array, Container, Site, hours
from kit.engines.slurm.probe import SlurmNode
from kit.engines.slurm.script import script
from kit.errors import KitError
from kit.runs.folder import RunFolder
from kit.spec import RunSpec
from tests.conftest import Run
from tests.engines.fake_run import spec_of

SMALL = ("submit", "--slurm", "--table", "5", "--profile", "smoke")


def spec(seed: int, task: str = "darcy-flow", **changes: object) -> RunSpec:
    return msgspec.structs.replace(spec_of(task, "wrn", seed), **changes)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of images, with a space and a quote in its name."""
    folder = tmp_path / "an image's folder"
    folder.mkdir()
    for task in ("darcy-flow", "ecg"):
        for suffix in (".sif", ".sqsh"):
            (folder / f"{task}{suffix}").write_bytes(b"image")
    return folder


def test_one_array_per_image_and_time_class_longest_first(images: Path) -> None:
    jobs = [
        Job(spec(0), hours=0.5),
        Job(spec(1), hours=0.6),
        Job(spec(2), hours=10.0),
        Job(spec(3), hours=90.0),
        Job(spec(4, "ecg"), hours=0.1),
        Job(spec(5), hours=0.2, gpus=2),
    ]

    def made(site: Site) -> list[tuple[str | None, int, int, list[int]]]:
        return [
            (
                each.image and Path(each.image).name,
                each.gpus,
                each.hours,
                [s.seed for s in each.runs],
            )
            for each in arrays.arrays(jobs, site)
        ]

    assert made(Site("apptainer", images=images)) == [
        ("darcy-flow.sif", 1, 1, [1, 0]),
        ("darcy-flow.sif", 1, 24, [3, 2]),
        ("darcy-flow.sif", 2, 1, [5]),
        ("ecg.sif", 1, 1, [4]),
    ]
    assert made(Site()) == [
        (None, 1, 1, [1, 0, 4]),
        (None, 1, 24, [3, 2]),
        (None, 2, 1, [5]),
    ]
    assert made(Site(device="cpu", hours=200))[0] == (None, 0, 1, [1, 0, 5, 4])
    assert [time for _, _, time, _ in made(Site(hours=200))] == [1, 24, 168, 1]


@pytest.mark.parametrize(
    ("expected", "profile", "time"),
    [
        (None, "smoke", 1),
        (None, "lite", 4),
        (None, "paper", 100),
        (2.6, "lite", 4),
        (2.7, "lite", 8),
    ],
)
def test_time_classes(expected: float | None, profile: str, time: int) -> None:
    assert hours(Job(spec(0, profile=profile), expected), Site(hours=100)) == time


def test_the_partition_is_known_however_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for words in ("--partition=a", "--partition a", "-p a", "-pa"):
        assert Site(options=("--mem=1G", words)).partition == "a"
    assert Site(options=("--constraint=x-p",)).partition is None
    monkeypatch.setenv("SBATCH_PARTITION", "b")
    assert Site().partition == "b"


def test_runs_that_read_others_come_later() -> None:
    first = spec(0)
    second = spec(1, inputs={"sizes": first.id})
    third = spec(2, inputs={"sizes": second.id, "done long ago": "0" * 64})
    waves = [
        (each.wave, [run.seed for run in each.runs])
        for each in arrays.arrays([Job(third), Job(second), Job(first)], Site())
    ]
    assert waves == [(0, [0]), (1, [1]), (2, [2])]


@pytest.mark.parametrize("container", submit.CONTAINERS)
@pytest.mark.parametrize("device", [None, "cpu"])
def test_scripts_of_all_containers(container: Container, device: str | None, images: Path) -> None:
    site = Site(
        container,
        images=images,
        device=device,
        options=("--partition=gpu",),
        at_a_time=2,
        allow_unpinned=True,
    )
    (array,) = arrays.arrays([Job(spec(0)), Job(spec(1))], site)
    text = script(array, site)
    assert set(submit.CONTAINERS) == set(get_args(Container))
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)
    lines = text.splitlines()
    assert "#SBATCH --array=0-1%2" in lines
    assert "#SBATCH --partition=gpu" in lines
    assert "#SBATCH --requeue" in lines
    assert ("#SBATCH --gres=gpu:1" in lines) == (device is None)
    assert f"export KIT_RESULTS={shlex.quote(str(paths.results()))}" in lines
    assert lines.index("#SBATCH --partition=gpu") < lines.index("")


# What a container is given, however it is called.
STAND_IN = """#!/bin/bash
printf '%s\\n' "$@" > "$SAID"; env >> "$SAID"
"""


@pytest.mark.parametrize(
    ("container", "words"),
    [
        (
            "apptainer",
            ["run", "--nv", "APPTAINERENV_KIT_GPU=GPU-a,GPU-b", "{images}/darcy-flow.sif"],
        ),
        ("enroot", ["start", "NVIDIA_VISIBLE_DEVICES=GPU-a,GPU-b", "{images}/darcy-flow.sqsh"]),
        ("docker", ["run", '"device=GPU-a,GPU-b"', "--network", "none", "kit/darcy-flow"]),
    ],
)
def test_containers_get_the_run_its_folders_and_its_gpus_alone(
    container: Container,
    words: list[str],
    images: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The programs are stand-ins that note how they were called."""
    said = tmp_path / "said"
    (tmp_path / container).write_text(STAND_IN)
    (tmp_path / container).chmod(0o755)
    site = Site(container, images=images, allow_unpinned=True)
    (array,) = arrays.arrays([Job(spec(0))], site)
    (tmp_path / "script").write_text(script(array, site))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    run = str(array.runs[0].folder)
    given = {"KIT_RUN": run, "KIT_GPU_WAIT": "1.0", "KIT_LOCKS": "/locks", "SAID": str(said)}
    supervisors = {"KIT_NAME": "kit-name", "KIT_GPU": "GPU-a,GPU-b", "SLURM_JOB_ID": "7"}
    for name, value in (given | supervisors).items():
        monkeypatch.setenv(name, value)
    bash = ["bash", str(tmp_path / "script"), "start", "run", "darcy-flow", "wrn"]
    subprocess.run(bash, check=True)
    lines = said.read_text().splitlines()
    for word in words:
        assert word.format(images=images) in lines
    results, data = paths.results(), paths.data()
    mounts = [line for line in lines if line.startswith((str(results), str(data), "/locks"))]
    assert len(mounts) == 4
    assert f"{results}/runs/{run}:/kit/results/runs/{run}" in mounts[1]
    assert ":ro" in mounts[0].replace(",", ":")
    assert ":ro" in mounts[2].replace(",", ":")
    assert any(f"KIT_LOG=/kit/results/runs/{run}/log.txt" in line for line in lines)


@pytest.mark.parametrize(
    ("given", "limit"),
    [
        ({"SLURM_MEM_PER_NODE": "900"}, "900m"),
        ({"SLURM_MEM_PER_CPU": "200", "SLURM_CPUS_ON_NODE": "3"}, "600m"),
        ({"SLURM_MEM_PER_NODE": "0"}, None),
        ({}, None),
    ],
)
def test_a_docker_container_has_the_memory_and_the_cores_of_its_job(
    given: dict[str, str], limit: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = tmp_path / "said"
    (tmp_path / "docker").write_text(STAND_IN)
    (tmp_path / "docker").chmod(0o755)
    site = Site("docker", allow_unpinned=True)
    (array,) = arrays.arrays([Job(spec(0))], site)
    (tmp_path / "script").write_text(script(array, site))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    shared = {"KIT_RUN": "x", "KIT_LOCKS": "/locks", "KIT_NAME": "kit-name", "SLURM_JOB_ID": "7"}
    for name, value in (shared | given | {"SAID": str(said), "KIT_TAKE_BUSY_GPU": "1"}).items():
        monkeypatch.setenv(name, value)
    core = min(os.sched_getaffinity(0))
    bash = ["taskset", "--cpu-list", str(core), "bash", str(tmp_path / "script"), "start", "run"]
    subprocess.run(bash, check=True)
    lines = said.read_text().splitlines()
    assert lines[lines.index("--cpuset-cpus") + 1] == str(core)
    assert (lines[lines.index("--memory") + 1] if "--memory" in lines else None) == limit
    assert "KIT_TAKE_BUSY_GPU" in lines


def test_an_image_in_a_file_is_known_by_its_digest(images: Path) -> None:
    site = Site("apptainer", images=images)
    (array,) = arrays.arrays([Job(spec(0))], site)
    digest = "6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d"
    assert f"export KIT_IMAGE_ID=sha256:{digest}" in script(array, site)
    with pytest.raises(KitError, match=r"no image .*cosmic\.sif; docs/cluster.md says how"):
        arrays.arrays([Job(spec(0, "cosmic"))], site)


def test_a_docker_image_is_the_locked_one() -> None:
    with pytest.raises(KitError, match=r"image of darcy-flow is not locked; .*--allow-unpinned"):
        arrays.arrays([Job(spec(0))], Site("docker"))
    base = lock.BaseImage(name="debian", digest="sha256:1")
    pinned = lock.Pinned(image_id="sha256:2", repo_digest=None)
    lock.save(lock.Lock(schema=lock.SCHEMA, base_image=base, images={"darcy-flow": pinned}))
    (array,) = arrays.arrays([Job(spec(0))], Site("docker"))
    text = script(array, Site("docker"))
    assert 'sha256:2 "$@"' in text
    assert "export KIT_IMAGE_PINNED=1\n" in text


def test_a_template_of_ones_own(tmp_path: Path) -> None:
    own = tmp_path / "own.sh"
    site = Site(template=own)
    (array,) = arrays.arrays([Job(spec(0))], site)
    own.write_text('{% extends "plain.sh" %}{% block site %}module load cuda{% endblock %}')
    assert "\nmodule load cuda\n" in script(array, site)
    for text, told in (
        ("{{ partition }}", "template own.sh: 'partition' is undefined"),
        ("{% if %}", "template own.sh: Expected an expression"),
        ('{% extends "plane.sh" %}', "it extends plane.sh, which is not there"),
    ):
        own.write_text(text)
        with pytest.raises(KitError, match=told):
            script(array, site)


def test_what_slurm_says(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {
        "%N|%T|%G": "a|idle|gpu:a100:4(S:0-1),shard:8\nb|mixed*|gpu:2\nc|down|(null)\n",
        "%P|%l": "short|30:00\nlong*|2-12:00:00\nday|08:00:00\never|infinite\n",
    }
    monkeypatch.setattr(client, "call", lambda *words, **_: said[words[-1]])
    assert client.nodes() == [("a", "idle", 4), ("b", "mixed*", 2), ("c", "down", 0)]
    names = ("short", None, "day", "ever", "none")
    assert [client.longest(name) for name in names] == [0.5, 60.0, 8.0, None, None]


def test_where_one_array_is_refused_no_run_is_said_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    cancelled: list[str] = []

    def refuse_the_second(text: str, *words: str) -> str:
        if cancelled:
            raise KitError("sbatch: no")
        cancelled.append("7")
        return "7"

    monkeypatch.setattr(client, "submit", refuse_the_second)
    monkeypatch.setattr(client, "cancel", cancelled.extend)
    made = arrays.arrays([Job(spec(0)), Job(spec(1), gpus=2)], Site())
    assert len(made) == 2
    with pytest.raises(KitError, match="sbatch: no"):
        submission.submit(made, Site())
    assert cancelled == ["7", "7"]
    assert RunFolder(spec(0)).attempt() is None
    assert RunFolder(spec(1)).attempt() is None


def test_a_run_that_needs_more_memory_than_any_node_has(monkeypatch: pytest.MonkeyPatch) -> None:
    has: dict[str, Any] = {"word": None, "heeds_lock": True, "data": (), "images": (), "torch": "2"}
    sixteen = NodeReport(gpus=("Stand-in",), memory=16 * GIB, **has)
    nodes = [SlurmNode("a", "idle", 1, sixteen), SlurmNode("b", "idle", 1, sixteen)]
    monkeypatch.setattr(submission, "probe", lambda most=None: nodes[:most])
    made = arrays.arrays([Job(spec(0)), Job(spec(1), memory=20 * GIB)], Site())
    told = "seed 1 (smoke, clean) needs 20 GiB of GPU memory (measured); GPUs here have 16 GiB"
    with pytest.raises(KitError, match=re.escape(told)):
        submission.check_node(made, Site())
    assert submission.check_node(arrays.arrays([Job(spec(1), memory=16 * GIB)], Site()), Site())
    nodes[1] = SlurmNode("b", "allocated", 1)
    assert submission.check_node(made, Site()), "a node at work may be larger"
    on_cpu = Site(device="cpu")
    nodes[1] = nodes[0]
    assert submission.check_node(arrays.arrays([Job(spec(1), memory=20 * GIB)], on_cpu), on_cpu)


def test_without_slurm_or_with_half_a_command(kit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    for words, code, told in (
        ((*SMALL, "--task", "darcy-flow"), 69, "no Slurm here: there is no command 'sinfo'"),
        (("doctor", "--engine", "slurm"), 69, "no Slurm here: there is no command 'sinfo'"),
        (("submit", "--table", "5"), 2, "say where: --slurm or --kubernetes"),
        ((*SMALL, "--kubernetes"), 2, "say where: --slurm or --kubernetes"),
        ((*SMALL, "--queue", "mine"), 2, "--queue: with --kubernetes alone"),
        (("submit", "--slurm"), 2, "say which: --table N, --figure N, or --study NAME"),
        ((*SMALL, "--task", "darcy"), 2, "did you mean 'darcy-flow'?"),
        ((*SMALL, "--container", "apptainer", "--dry-run"), 2, "no image"),
        ((*SMALL, "--container", "podman"), 2, "'podman' is not one of"),
    ):
        done = kit(*words)
        assert done.returncode == code, done.stderr
        assert told in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_dry_run_shows_runs_reasons_and_scripts(
    kit: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs no Slurm, and leaves nothing."""
    monkeypatch.setenv("PATH", "/nowhere")
    words = (*SMALL, "--task", "darcy-flow", "--method", "wrn", "--dry-run")
    done = kit(*words)
    assert done.returncode == 0, done.stderr
    assert "run          ? h  darcy-flow wrn seed 2 (smoke, released)  never run" in done.stdout
    assert "3 runs of up to 1 h, 1 GPU each, submitted by 'sbatch' as:" in done.stdout
    assert "#SBATCH --array=0-2\n" in done.stdout
    (listed,) = json.loads(kit(*words, "--format", "json").stdout)
    array = msgspec.convert({k: v for k, v in listed.items() if k != "script"}, Array)
    plan = json.loads(kit("plan", *words[2:-1], "--format", "json").stdout)
    assert [run.id for run in array.runs] == [run["id"] for run in plan["runs"]]
    assert not paths.results().exists()
