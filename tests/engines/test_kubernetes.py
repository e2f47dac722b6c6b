"""Manifests against the schema that Kubernetes publishes; what pods do, by a shell."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import msgspec
import pytest

from kit import paths
from kit.containers import lock
from kit.engines import handover, kubernetes
from kit.engines.jobs import Job
from kit.engines.kubernetes import KubernetesConfig, manifest
from kit.errors import KitError
from kit.files import canonical_json
from tests.conftest import Run
from tests.engines.fake_run import spec_of

VERSION = "1.37"
SMALL = ("submit", "--kubernetes", "--table", "5", "--task", "darcy-flow", "--method", "wrn")


def job(seed: int, task: str = "darcy-flow", gpus: int = 1, **changes: Any) -> Job:
    return Job(msgspec.structs.replace(spec_of(task, "wrn", seed), **changes), gpus=gpus)


def valid(item: Any) -> None:
    kubernetes_validate.validate(item, VERSION, strict=True)


def test_manifests_keep_to_the_published_schema() -> None:
    jobs = [job(0), job(1), job(0, "ecg"), job(2, gpus=2)]
    for cluster in (KubernetesConfig(), KubernetesConfig("science", "gpus", "r", "d", 1, "cpu")):
        items = manifest(jobs, cluster)["items"]
        for item in items:
            valid(item)
    items[1]["spec"]["template"]["spec"]["containers"][0]["imag"] = "x"
    with pytest.raises(kubernetes_validate.ValidationError, match="imag"):
        valid(items[1])


def test_one_job_per_image_and_number_of_gpus() -> None:
    items = manifest([job(0), job(1), job(0, "ecg"), job(2, gpus=2)], KubernetesConfig())["items"]
    found = [item for item in items if item["kind"] == "Job"]
    containers = [each["spec"]["template"]["spec"]["containers"][0] for each in found]
    rows = [
        (each["spec"]["completions"], container["image"], container["resources"]["limits"])
        for each, container in zip(found, containers, strict=True)
    ]
    assert rows == [
        (2, "kit/darcy-flow", {"nvidia.com/gpu": 1}),
        (1, "kit/darcy-flow", {"nvidia.com/gpu": 2}),
        (1, "kit/ecg", {"nvidia.com/gpu": 1}),
    ]
    assert len({item["metadata"]["name"] for item in found}) == 3
    for each in found:
        assert each["metadata"]["annotations"]["kit/note"] == "rendered, not run here"
        assert each["spec"]["completionMode"] == "Indexed"
        pod = each["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"]


def test_a_long_name_of_a_task_is_cut_to_what_a_job_may_have() -> None:
    name = "a" * 49 + "-" + "b" * 13
    long = Job(msgspec.structs.replace(spec_of("darcy-flow", "wrn", 0), task=name), gpus=1)
    for item in manifest([long], KubernetesConfig())["items"]:
        valid(item)
        assert len(item["metadata"]["name"]) <= 63
        assert "--" not in item["metadata"]["name"]


def test_an_image_is_named_by_the_digest_that_is_locked() -> None:
    base = lock.BaseImage(name="debian", digest="sha256:1")
    pinned = lock.Pinned(image_id="sha256:2", repo_digest="sha256:3")
    lock.save(lock.Lock(schema=lock.SCHEMA, base_image=base, images={"darcy-flow": pinned}))
    for task, image, env in (
        ("darcy-flow", "kit/darcy-flow@sha256:3", {"KIT_IMAGE_PINNED": "1"}),
        ("ecg", "kit/ecg", {"KIT_IMAGE_PINNED": "0"}),
    ):
        found = manifest([job(0, task)], KubernetesConfig())["items"][1]
        (container,) = found["spec"]["template"]["spec"]["containers"]
        assert container["image"] == image
        assert {each["name"]: each["value"] for each in container["env"]}.items() >= env.items()


def test_a_queue_of_kueues_begins_the_job() -> None:
    queued = manifest([job(0)], KubernetesConfig(queue="gpus", at_a_time=3, device="cpu"))["items"][
        1
    ]
    assert queued["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "gpus"
    assert queued["spec"]["suspend"]
    assert queued["spec"]["parallelism"] == 1
    assert queued["spec"]["template"]["spec"]["containers"][0]["resources"] == {}


def test_jobs_do_not_wait_for_each_other() -> None:
    first = job(0)
    with pytest.raises(KitError, match=r"seed 1 .* needs darcy-flow wrn seed 0 .*; submit that"):
        manifest([first, job(1, inputs={"sizes": first.id})], KubernetesConfig())


def test_a_pod_does_the_run_of_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its shell line, with a stand-in for kit that notes its words."""
    jobs = [job(0), job(1, overrides=('name = "a b"', "x='$HOME'", "y=\\n"))]
    runs, found = manifest(jobs, KubernetesConfig())["items"]
    (tmp_path / "list").mkdir()
    (tmp_path / "list/runs").write_text(runs["data"]["runs"])
    (tmp_path / "kit").write_text(f'#!/bin/sh\nprintf "%s\\n" "$KIT_LOG" "$@" > {tmp_path}/said\n')
    (tmp_path / "kit").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "1")
    command = found["spec"]["template"]["spec"]["containers"][0]["command"]
    here = [
        word.replace(kubernetes.LIST, f"{tmp_path}/list").replace("/kit/results", str(tmp_path))
        for word in command
    ]
    subprocess.run(here, check=True)
    folder = f"runs/{jobs[1].spec.folder}"
    assert (tmp_path / "said").read_text().splitlines() == [
        f"{tmp_path}/{folder}/log.txt",
        *("run", "--spec", f"/kit/results/{folder}/spec.json", "--device", "cuda"),
    ]
    monkeypatch.setenv("KIT_RESULTS", str(tmp_path))
    spec = handover.read(tmp_path / folder / "spec.json")
    assert canonical_json(spec) == canonical_json(jobs[1].spec)


def test_many_runs_are_several_jobs_whose_lists_a_config_map_can_hold() -> None:
    jobs = [job(seed) for seed in range(kubernetes.RUNS_PER_JOB + 1)]
    lists = [
        item for item in manifest(jobs, KubernetesConfig())["items"] if item["kind"] == "ConfigMap"
    ]
    assert [item["data"]["runs"].count("\n") for item in lists] == [kubernetes.RUNS_PER_JOB, 1]
    assert all(len(item["data"]["runs"]) < 1 << 20 for item in lists)
    assert len({item["metadata"]["name"] for item in lists}) == 2


def test_the_command(kit: Run) -> None:
    dry = kit(*SMALL, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    listed = json.loads(dry.stdout)
    assert [item["kind"] for item in listed["items"]] == ["ConfigMap", "Job"]
    plan = json.loads(kit("plan", *SMALL[2:], "--format", "json").stdout)
    lines = listed["items"][0]["data"]["runs"].splitlines()
    assert [line.split()[0] for line in lines] == [run["folder"] for run in plan["runs"]]
    assert not paths.results().exists()
    done = kit(*SMALL)
    assert "3 runs, rendered, not run here: kubectl apply -f" in done.stdout
    (file,) = paths.results().glob("kubernetes/*.json")
    assert json.loads(file.read_bytes()) == listed
    wrong = kit(*SMALL, "--timeout", "2", "--hours", "3")
    assert (wrong.returncode, wrong.stderr) == (
        2,
        "kit: --timeout and --hours: with --slurm alone\n",
    )
    wrong = kit(*SMALL, "--claims", "one")
    assert wrong.returncode == 2
    assert "--claims takes two names" in wrong.stderr
    for option, name in (("namespace", "Mine"), ("queue", "a b"), ("claims", "x,..")):
        wrong = kit(*SMALL, f"--{option}", name)
        assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1), wrong.stderr
        assert f"--{option}: " in wrong.stderr
        assert "is no name in Kubernetes" in wrong.stderr
