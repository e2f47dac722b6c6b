"""GPUs as the real nvidia-ml-py sees them in a stand-in NVML."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from kit.cli import cli
from kit.engines import devices, leases, visible
from kit.errors import BusyError, KitError, UnavailableError
from tests.engines.nvml import FakeGpus

Make = Callable[..., FakeGpus]


def test_gpus_with_their_memory_and_processes(fake_gpus: Make) -> None:
    fake = fake_gpus(3)
    fake.used_mb[fake.uuids[1]] = 4000
    fake.pids[fake.uuids[1]] = [11, 22]
    fake.write()
    found = devices.gpus()
    assert [gpu.uuid for gpu in found] == list(fake.uuids)
    assert [gpu.processes for gpu in found] == [(), (11, 22), ()]
    assert [gpu.free >> 20 for gpu in found] == [16000, 12000, 16000]
    assert found[0].memory == 16000 << 20
    assert found[0].model == "Stand-in"


def test_a_gpu_that_fell_off_the_bus_is_left_out(fake_gpus: Make) -> None:
    fake = fake_gpus(3)
    fake.lost.add(fake.uuids[0])
    fake.write()
    assert [gpu.number for gpu in devices.gpus()] == ["1", "2"]


def split(fake: FakeGpus) -> tuple[str, str, str]:
    """Split the first of two GPUs in two."""
    first, second = fake.uuids
    parts = "MIG-00000000-1111-2222-3333-444444444444", "MIG-00000000-5555-6666-7777-888888888888"
    fake.uuids = [first, *parts, second]
    fake.used_mb[parts[1]] = 4000
    fake.write()
    return (*parts, second)


def test_a_split_gpu_is_its_parts(fake_gpus: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other, whole = split(fake_gpus(2))
    found = devices.gpus()
    assert [(gpu.number, gpu.uuid) for gpu in found] == [
        ("0:0", one),
        ("0:1", other),
        ("1", whole),
    ]
    assert [gpu.free >> 20 for gpu in found] == [16000, 12000, 16000]
    assert visible.allowed("0:1,1,MIG-00000000-1111") == [other, whole, one]
    with pytest.raises(KitError, match=r"no GPU '0'; there is 0:0 \(MIG-00000000-1111"):
        visible.allowed("0")
    # In a container that was given a part there is no other one.
    monkeypatch.setenv("NVIDIA_VISIBLE_DEVICES", other)
    assert [gpu.uuid for gpu in devices.gpus()] == [other]


def test_without_a_driver_there_is_none(fake_gpus: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_gpus(2)
    monkeypatch.delenv("KIT_FAKE_NVML")
    assert devices.gpus() == []


@pytest.mark.parametrize("code", [4, 18, 999])
def test_a_driver_that_does_not_work_is_no_lack_of_gpus(
    code: int, fake_gpus: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_gpus(1)
    monkeypatch.setenv("KIT_FAKE_NVML_INIT", str(code))
    with pytest.raises(UnavailableError, match=r"driver does not work here .*--device cpu"):
        devices.gpus()
    done = CliRunner().invoke(cli, ["doctor"])
    assert done.exit_code == 1
    assert "BAD  gpu     the NVIDIA driver does not work here" in done.output
    # What leaves the GPUs alone does not ask for them.
    with leases.for_this_process(1, "cpu") as held:
        assert held == ()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with leases.for_this_process(1, None) as held:
        assert held == ()


@pytest.mark.parametrize("code", [9, 12])
def test_no_driver_and_no_library_are_no_gpu(
    code: int, fake_gpus: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_gpus(1)
    monkeypatch.setenv("KIT_FAKE_NVML_INIT", str(code))
    assert devices.gpus() == []


@pytest.mark.usefixtures("darcy")
def test_the_only_gpu_is_lost(fake_gpus: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = fake_gpus(1)
    fake.lost.add(fake.uuids[0])
    fake.write()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with pytest.raises(UnavailableError, match=r"no GPU can be used \(GPU 0: GPU is lost\)"):
        devices.gpus()
    run = CliRunner().invoke(cli, ["run", "darcy-flow", "constant", "--profile", "smoke"])
    assert (run.exit_code, "--device cpu" in str(run.exception)) == (1, True)
    assert isinstance(run.exception, UnavailableError)
    assert "BAD  gpu     0: GPU is lost" in CliRunner().invoke(cli, ["doctor"]).output


@pytest.mark.parametrize("query", ["memory", "processes", "name", "driver"])
def test_a_query_that_fails_hides_no_gpu(
    query: str, fake_gpus: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = fake_gpus(2)
    monkeypatch.setenv("KIT_FAKE_NVML_REFUSES", query)
    found = devices.gpus()
    assert [gpu.uuid for gpu in found] == list(fake.uuids)
    assert all(0 < gpu.memory == gpu.free for gpu in found)
    with leases.lease(2, 0) as held:
        assert held == tuple(fake.uuids)


def test_a_process_of_its_own_sees_them_by_the_library_path(fake_gpus: Make) -> None:
    fake = fake_gpus(2)
    code = (
        "import json; from kit.engines.devices import gpus; "
        "print(json.dumps([gpu.uuid for gpu in gpus()]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert json.loads(done.stdout) == list(fake.uuids)


def test_gpus_are_named_by_number_or_uuid(fake_gpus: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = fake_gpus(3)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible.allowed() is None
    assert visible.allowed("2,0,2") == [fake.uuids[2], fake.uuids[0]]
    assert visible.allowed("GPU-00000001") == [fake.uuids[1]]
    assert visible.allowed("GPU-gone") == ["GPU-gone"]
    for word in ("GPU-x/../../evil", "GPU-", "GPU-0000000", "MIG-GPU-x/1/2", "0,,1", ".."):
        monkeypatch.setenv("KIT_GPU", word)
        with pytest.raises(KitError, match="KIT_GPU: no GPU '"):
            visible.allowed()
    monkeypatch.delenv("KIT_GPU")
    with pytest.raises(KitError, match=r"no GPU '3'; there is 0 \(GPU-00000000"):
        visible.allowed("0,3")
    with pytest.raises(KitError, match="no GPU 'first'"):
        visible.allowed("first")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert visible.allowed() == [fake.uuids[1]]
    monkeypatch.setenv("KIT_GPU", "2")
    assert visible.allowed() == [fake.uuids[2]]
    assert visible.allowed("0") == [fake.uuids[0]]
    for hidden in ("", "-1"):
        monkeypatch.delenv("KIT_GPU", raising=False)
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        assert visible.allowed() == []


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        *((word, []) for word in ("", " ", "-1", "-1,0", "NoDevFiles", "void", "none")),
        ("0", [0]),
        ("1,0", [1, 0]),
        ("0,1,9", [0, 1]),
        ("1,-1,0", [1]),
        ("1,first,0", [1]),
        ("GPU-00000001", [1]),
        ("GPU-00000001,GPU-", [1]),
        ("9", None),
        ("first", None),
        ("GPU-", None),
        ("MIG-GPU-00000000-aaaa-bbbb-cccc-dddddddddddd/1/2", None),
    ],
)
def test_cuda_visible_devices_as_cuda_reads_it(
    words: str, seen: list[int] | None, fake_gpus: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to the first word that means nothing; where that is the first one, a line says so."""
    fake = fake_gpus(2)
    monkeypatch.delenv("KIT_GPU", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", words)
    if seen is None:
        with pytest.raises(KitError, match=f"CUDA_VISIBLE_DEVICES='{words}' names no GPU"):
            visible.allowed()
    else:
        assert visible.allowed() == [fake.uuids[index] for index in seen]


@pytest.mark.parametrize("words", ["0", "0,1", "3"])
def test_cuda_visible_devices_without_a_gpu(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KIT_FAKE_NVML", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", words)
    assert visible.allowed() == []


def test_parts_in_cuda_visible_devices(fake_gpus: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = fake_gpus(2)
    whole = fake.uuids[0]
    one, _, _ = split(fake)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", f"MIG-{whole}/1/2")
    assert visible.allowed() == [one]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")  # of a GPU in MIG mode: its first part
    assert visible.allowed() == [one]


def test_a_gpu_at_the_work_of_others_is_taken_where_that_is_wanted(
    fake_gpus: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = fake_gpus(1)
    fake.pids[fake.uuids[0]] = [4321]
    fake.used_mb[fake.uuids[0]] = 9000
    fake.write()
    told = "process 4321; KIT_TAKE_BUSY_GPU=1 takes it all the same"
    with pytest.raises(BusyError, match=told), leases.lease(1, 0):
        pass
    monkeypatch.setenv("KIT_TAKE_BUSY_GPU", "1")
    with leases.lease(1, 0) as held:
        assert held == tuple(fake.uuids)


def test_cuda_counts_as_the_driver_does(fake_gpus: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = fake_gpus(2)
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    with leases.for_this_process(1, None, wanted="1") as held:
        assert held == (fake.uuids[1],)
        assert os.environ["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
