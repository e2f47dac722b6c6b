"""Leases on stand-in GPUs, held by real processes on the real file system."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit.engines import leases
from kit.engines.slots import Gpus
from kit.errors import BusyError, KitError
from tests.conftest import Run
from tests.engines.nvml import FakeGpus
from tests.engines.test_choose import job
from tests.engines.test_devices import split

Make = Callable[..., FakeGpus]
HOLD = """
import sys, time
from kit.engines.leases import lease
with lease(int(sys.argv[1]), 0, share=int(sys.argv[2])) as uuids:
    print(*uuids, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("name", ["locks", "~/locks"])
def test_the_folder_of_locks_is_absolute(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else Docker would make a volume of that name, where a lock means nothing to anybody."""
    monkeypatch.setenv("KIT_LOCKS", name)
    assert leases.folder() == Path(name).expanduser().absolute()


@contextmanager
def holder(count: int, share: int = 1) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Another process that holds GPUs."""
    words = [sys.executable, "-c", HOLD, str(count), str(share)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().split()
        finally:
            process.kill()


def test_each_gets_a_gpu_of_its_own_until_there_is_none(fake_gpus: Make) -> None:
    fake = fake_gpus(2)
    with leases.lease(1, 0) as first, holder(1) as (_, second):
        assert {*first, *second} == set(fake.uuids)
        with pytest.raises(BusyError, match=r"is leased to another run; .* is leased"):
            leases.lease(1, 0).__enter__()
    with leases.lease(2, 5) as both:
        assert set(both) == set(fake.uuids)


def test_a_lease_ends_with_its_process_however_it_dies(fake_gpus: Make) -> None:
    fake_gpus(1)
    with holder(1) as (process, uuids):
        assert uuids
        assert leases.free().uuids == ()
        process.send_signal(signal.SIGKILL)
        with leases.lease(1, 5) as mine:
            assert list(mine) == uuids


def test_others_can_look_at_a_lock_whatever_is_masked(fake_gpus: Make) -> None:
    fake_gpus(1)
    before = os.umask(0o077)
    try:
        with leases.lease(1, 0):
            (lock,) = leases.folder().glob("*.lock")
            assert lock.stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(before)


def test_several_are_leased_all_or_nothing(fake_gpus: Make) -> None:
    fake_gpus(3)
    with holder(2):
        with pytest.raises(BusyError):
            leases.lease(2, 0.2).__enter__()
        assert len(leases.free().uuids) == 1
    with pytest.raises(KitError, match="4 GPUs are needed, and there are 3"):
        leases.lease(4).__enter__()


def test_busy_and_vanished_gpus_are_not_leased_and_the_reason_is_told(fake_gpus: Make) -> None:
    fake = fake_gpus(4)
    busy, gone, full, good = fake.uuids
    fake.pids[busy] = [4711]
    fake.lost.add(gone)
    fake.used_mb[full] = 15000
    fake.write()
    found = leases.free(fake.uuids)
    assert found.uuids == (good,)
    assert found.reasons == {
        busy: f"busy with work that is not the kit's (process 4711; {leases.TAKE_IT})",
        gone: "gone: NVML does not show it",
        full: f"short of memory: 1000 of 16000 MB are free ({leases.TAKE_IT})",
    }
    with leases.lease(1, 0) as uuids:
        assert uuids == (good,)
        with pytest.raises(BusyError, match=r"process 4711.*short of memory.*leased to another"):
            leases.lease(1, 0).__enter__()


def test_a_wait_ends_when_the_gpu_is_free_again(fake_gpus: Make) -> None:
    fake = fake_gpus(1)
    fake.pids[fake.uuids[0]] = [4711]
    fake.write()
    logged: list[str] = []

    def log(line: str) -> None:
        logged.append(line)
        fake.pids.clear()
        fake.write()

    with leases.lease(1, 10, log=log):
        assert len(logged) == 1
        assert "4711" in logged[0]


def test_runs_that_share_a_gpu_have_a_seat_each(fake_gpus: Make) -> None:
    fake = fake_gpus(1)
    with leases.lease(1, 0, share=2), holder(1, share=2) as (other, _):
        fake.pids[fake.uuids[0]] = [1]
        fake.write()
        with pytest.raises(BusyError, match="leased to 2 other runs"):
            leases.lease(1, 0, share=2).__enter__()
        with pytest.raises(BusyError, match="leased to another run"):
            leases.lease(1, 0).__enter__()
        other.kill()
        other.wait()
        with leases.lease(1, 5, share=2) as uuids:
            assert uuids == tuple(fake.uuids)
        fake.used_mb[fake.uuids[0]] = 9000
        fake.write()
        with pytest.raises(BusyError, match="short of memory: 7000 of 16000 MB"):
            leases.lease(1, 0, share=2).__enter__()
        fake.used_mb.clear()
        fake.pids[fake.uuids[0]] = [1, 2]
        fake.write()
        with pytest.raises(BusyError, match=r"not the kit's \(process 1, 2;"):
            leases.lease(1, 0, share=2).__enter__()
    fake.pids.clear()
    fake.write()
    with leases.lease(1, 0), pytest.raises(BusyError, match="leased"):
        leases.lease(1, 0, share=2).__enter__()


def test_parts_of_a_gpu_are_leased_each_by_itself(
    fake_gpus: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = fake_gpus(2)
    one, other, whole = split(fake)
    assert set(leases.free().reasons) == {other}
    assert "short of memory: 12000 of 16000" in leases.free().reasons[other]
    fake.used_mb.clear()
    fake.pids[other] = [4711]
    fake.write()
    assert leases.free().uuids == (one, whole)
    fake.pids.clear()
    fake.write()
    monkeypatch.setenv("KIT_GPU", "0:0,0:1")
    monkeypatch.setenv("KIT_GPU_WAIT", "0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with leases.for_this_process(1, None) as first, leases.for_this_process(1, None) as second:
        assert (first, second) == ((one,), (other,))
        assert os.environ["CUDA_VISIBLE_DEVICES"] == other
        assert leases.free().uuids == (whole,)
    # A process sees one of them at most.
    with pytest.raises(KitError, match="2 GPUs are needed, and there are 1"):
        leases.lease(2, 0).__enter__()
    slots = Gpus([one, other, whole])
    assert slots.rejection(job()) is None
    assert slots.rejection(job(2)) is not None
    assert slots.acquire(job(2)) is None
    assert [slots.acquire(job()) for _ in range(4)] == [(one,), (other,), (whole,), None]


def test_a_process_sees_only_what_it_leased(
    fake_gpus: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = fake_gpus(3)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with leases.for_this_process(1, None) as none:
        assert none == ()
    monkeypatch.setenv("KIT_GPU", "2,1")
    monkeypatch.setenv("KIT_GPU_WAIT", "0")
    with leases.for_this_process(1, None) as first:
        assert first == (fake.uuids[2],)
        assert os.environ["CUDA_VISIBLE_DEVICES"] == fake.uuids[2]
        with leases.for_this_process(1, None) as second:
            assert second == (fake.uuids[1],)
            with pytest.raises(BusyError):
                leases.for_this_process(1, None).__enter__()
        with leases.for_this_process(1, None, wanted="0") as third:
            assert third == (fake.uuids[0],)
    with leases.for_this_process(1, "cpu") as none:
        assert none == ()
    monkeypatch.setenv("KIT_GPU_WAIT", "long")
    with pytest.raises(KitError, match="KIT_GPU_WAIT must be a number"):
        leases.for_this_process(1, None).__enter__()


@pytest.mark.usefixtures("darcy")
def test_kit_run_without_a_gpu_to_be_had_says_so_and_never_begins(
    fake_gpus: Make, kit: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = fake_gpus(2)
    monkeypatch.setenv("KIT_GPU_WAIT", "0")
    words = ("run", "darcy-flow", "wrn", "--seed", "0", "--profile", "smoke")
    with leases.lease(1, 0, among=fake.uuids[:1]):
        done = kit(*words, "--gpus", "0")
        told = kit("doctor").stdout
    assert done.returncode == 75
    told_last = f"kit: no GPU to be had: {fake.uuids[0]} is leased to another run"
    assert done.stderr.splitlines()[-1] == told_last
    assert "0 Stand-in (17 GB): leased to another run; 1 Stand-in (17 GB): free" in told
    assert "darcy-flow (regenerated-smoke); 'kit data list'" in told
    assert kit(*words, "--gpus", "7").returncode == 2


def test_looking_is_quick(fake_gpus: Make) -> None:
    fake_gpus(8)
    began = time.perf_counter()
    for _ in range(20):
        leases.free()
    assert (time.perf_counter() - began) / 20 < 0.1
