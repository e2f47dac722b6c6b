"""``docker compose run``, as the README has it, against a real engine."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from kit import method, paths, task
from kit.containers import compose as composing
from kit.containers import images, lock
from kit.engines import leases
from kit.runs import provenance
from tests.derived_image import derived
from tests.engines.nvml import FakeGpus

pytestmark = pytest.mark.docker
Compose = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def compose(
    built_images: docker.DockerClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Compose]:
    """Start ``docker compose run`` with this test's data and results, which are the caller's."""
    for folder in (paths.data() / "raw", paths.results(), home / "locks"):
        folder.mkdir(parents=True, exist_ok=True)
    for name in ("darcy-flow", "deepsea"):
        monkeypatch.setenv(composing.variable(name), built(built_images, name).id)
    monkeypatch.setenv("KIT_LOCKS", str(home / "locks"))
    monkeypatch.setenv("KIT_UID", str(os.getuid()))
    monkeypatch.setenv("KIT_GID", str(os.getgid()))
    started: list[subprocess.Popen[str]] = []

    def run(*words: str, **variables: str) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                ["docker", "compose", "run", "--rm", "-T", *words],
                cwd=paths.project(),
                env=os.environ | variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def built(engine: docker.DockerClient, name: str) -> images.DockerImage:
    image = images.find(engine, name)
    assert image is not None
    return image


def finished(process: subprocess.Popen[str], seconds: float = 240) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out, err


def test_three_seeds_of_dash_on_deepsea(
    compose: Compose, built_images: docker.DockerClient
) -> None:
    code, _, err = finished(compose("deepsea-dash", "--profile", "smoke", "--tier", "sample"))
    assert code == 1
    assert "docker compose run --rm deepsea-prepare --tier sample" in err
    prepare = compose("deepsea-prepare", "--tier", "synthetic", "--profile", "smoke")
    assert finished(prepare)[0] == 0
    code, out, err = finished(compose("deepsea-dash", "--profile", "smoke"))
    assert code == 0, err
    assert "one-minus-auroc" in out
    results = sorted((paths.results() / "runs/deepsea/dash").glob("smoke-*/seed-*/result.json"))
    assert [file.parent.name[:6] for file in results] == ["seed-0", "seed-1", "seed-2"]
    assert all(file.stat().st_uid == os.getuid() for file in results)
    for file in results:
        made_with = json.loads(file.read_text())["provenance"]
        assert made_with["image_id"] == built(built_images, "deepsea").id
        assert made_with["image_pinned"] is False  # nothing is locked
    again = time.monotonic()
    code, out, err = finished(compose("deepsea-dash", "--seed", "1", "--profile", "smoke"))
    assert (code, out.count("seed 1")) == (0, 1), err
    assert time.monotonic() - again < 60


def test_data_that_can_be_made_are_made_for_runs_that_lack_them(compose: Compose) -> None:
    words = ("darcy-flow", "constant", "--profile", "smoke", "--seed")
    at_once = [compose(*words, "0"), compose(*words, "1", KIT_THREADS="2")]
    for process in at_once:
        code, _, err = finished(process)
        assert code == 0, err
        assert "'docker compose run --rm darcy-flow-prepare --tier regenerated" in err
    assert [folder.name for folder in paths.data().iterdir()] == ["raw"], "a run writes no data"
    assert finished(compose("darcy-flow-prepare", "--profile", "smoke"))[0] == 0
    code, _, err = finished(compose(*words, "2"))
    assert code == 0, err
    assert "prepar" not in err


def test_a_result_says_what_it_was_made_with(
    compose: Compose, built_images: docker.DockerClient
) -> None:
    """That is what is locked, or the result is marked."""
    assert finished(compose("darcy-flow-prepare", "--profile", "smoke"))[0] == 0
    lock.save(lock.made_of(images.listing(built_images)))
    words = ("darcy-flow", "wrn", "--profile", "smoke", "--format", "json", "--seed")
    code, out, err = finished(compose(*words, "0"))
    assert code == 0, err
    (result,) = json.loads(out)
    image = built(built_images, "darcy-flow")
    assert result["provenance"]["image_id"] == image.id
    assert result["provenance"]["image_pinned"] is True
    assert image.revision is not None
    assert result["provenance"]["git_sha"] == image.revision.removesuffix("-dirty")
    assert result["provenance"]["git_dirty"] is image.revision.endswith("-dirty")
    folders = task.find("darcy-flow").folder, method.find("wrn").folder
    here = provenance.code_hash(*folders)
    assert result["code_hash"] == here, "the image is of another checkout: 'kit images build'"
    # By its name alone, nobody can say which image that is.
    unnamed = {composing.variable("darcy-flow"): ""}
    code, _, err = finished(compose(*words, "1", **unnamed))
    assert code == 2
    assert "is unknown, not" in err.splitlines()[-1]
    code, out, err = finished(compose(*words, "1", "--allow-unpinned", **unnamed))
    assert code == 0, err
    (result,) = json.loads(out)
    assert result["provenance"]["image_pinned"] is False
    assert result["provenance"]["image_id"] is None


@pytest.fixture
def mirror(built_images: docker.DockerClient, tmp_path: Path) -> Iterator[str]:
    """Darcy Flow, fetched from a server on Docker's own network; ``KIT_IMAGES`` for it.

    Of the two addresses of a file the first answers 404.
    """
    names = [f"piececonst_r421_N1024_smooth{number}.mat" for number in (1, 2)]
    make = f"from scipy.io import savemat; [savemat(name, {{'coeff': 1}}) for name in {names}]"
    server = built_images.containers.run(
        images.reference("base"),
        ["-c", f'cd /tmp; python -c "{make}"; exec python -m http.server'],
        entrypoint="sh",
        detach=True,
        init=True,
    )
    try:
        deadline = time.monotonic() + 60
        while b"Serving" not in server.logs():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        server.reload()
        address = f"http://{server.attrs['NetworkSettings']['IPAddress']}:8000"
        text = (task.find("darcy-flow").folder / "task.py").read_text()
        hosts = f"bucket, drive = '{address}/{{}}'.format, '{address}/gone/{{}}'.format\n"
        changed = text.replace("from kit.mirrors import bucket, drive\n", "")
        changed = changed.replace("SMOOTH =", f"{hosts}SMOOTH =", 1)
        assert changed.count(address) == 2
        (tmp_path / "task.py").write_text(changed)
        lines = f"FROM {images.reference('darcy-flow')}\nCOPY task.py /kit/tasks/darcy_flow/\n"
        with derived(built_images, "kit-tests-mirror/darcy-flow", lines, tmp_path):
            yield "kit-tests-mirror"
    finally:
        server.remove(force=True)


def test_phases_and_their_rights(compose: Compose, mirror: str) -> None:
    """Fetching has a network and writes raw data alone; preparing has none and reads them."""
    raw = paths.data() / "raw"
    where = {"KIT_IMAGES": mirror, composing.variable("darcy-flow"): ""}
    if os.getuid() == 0:
        os.chown(raw, 4321, 4321)
        where |= {"KIT_UID": "4321", "KIT_GID": "4321"}
    code, out, err = finished(compose("darcy-flow-fetch", **where))
    assert code == 0, err
    files = sorted((raw / "darcy-flow").glob("*.mat"))
    assert [file.read_bytes()[:6] for file in files] == [b"MATLAB"] * 2
    assert {file.stat().st_uid for file in files} == {int(where.get("KIT_UID", os.getuid()))}
    assert "docker compose run --rm darcy-flow-prepare" in out
    look = "ls /sys/class/net; touch /kit/data/here; touch /kit/data/raw/here || echo refused"
    words = ("--entrypoint", "sh", "darcy-flow-prepare", "-c", look)
    assert finished(compose(*words))[1].split() == ["lo", "refused"]
    assert (paths.data() / "here").exists()


def test_results_of_somebody_else(compose: Compose) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can call in another user's name")
    code, _, err = finished(compose("deepsea-dash", KIT_UID="4321", KIT_GID="4321"))
    assert code == 2, err
    assert err.splitlines()[-1].startswith("kit: uid 4321 cannot write the results folder")


def test_paper_without_a_gpu_points_to_lite(compose: Compose) -> None:
    code, _, err = finished(compose("deepsea-dash"))
    assert code == 2
    assert "--profile lite" in err.splitlines()[-1]


def test_twice_at_once_takes_two_gpus(compose: Compose, gpu_image: str, gpus: FakeGpus) -> None:
    where = {
        "KIT_IMAGES": gpu_image,
        composing.variable("darcy-flow"): "",
        "KIT_LOCKS": str(leases.folder()),
    }
    assert finished(compose("darcy-flow-prepare", "--profile", "smoke", **where))[0] == 0
    words = ("darcy-flow", "wrn", "--profile", "smoke", "--seed")
    first = compose(*words, "0", **where)
    second = compose(*words, "1", **where)
    third = compose(*words, "2", KIT_GPU="2", **where)
    at_once = 0
    while any(process.poll() is None for process in (first, second, third)):
        at_once = max(at_once, len(leases.free(gpus.uuids).reasons))
        time.sleep(0.05)
    assert [finished(process)[0] for process in (first, second, third)] == [0, 0, 0]
    assert at_once == 3
    assert leases.free(gpus.uuids).uuids == tuple(gpus.uuids)
