"""GPUs as the real nvidia-ml-py sees them in a stand-in NVML."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from kit.engines import devices
from kit.errors import KitError
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
    assert devices.allowed("0:1,1,MIG-00000000-1111") == [other, whole, one]
    with pytest.raises(KitError, match=r"no GPU '0'; there is 0:0 \(MIG-00000000-1111"):
        devices.allowed("0")
    # In a container that was given a part there is no other one.
    monkeypatch.setenv("NVIDIA_VISIBLE_DEVICES", other)
    assert [gpu.uuid for gpu in devices.gpus()] == [other]


def test_without_a_driver_there_is_none(fake_gpus: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_gpus(2)
    monkeypatch.delenv("KIT_FAKE_NVML")
    assert devices.gpus() == []


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
    assert devices.allowed() is None
    assert devices.allowed("2,0,2") == [fake.uuids[2], fake.uuids[0]]
    assert devices.allowed("GPU-00000001") == [fake.uuids[1]]
    assert devices.allowed("GPU-gone") == ["GPU-gone"]
    with pytest.raises(KitError, match=r"no GPU '3'; there is 0 \(GPU-00000000"):
        devices.allowed("0,3")
    with pytest.raises(KitError, match="no GPU 'first'"):
        devices.allowed("first")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert devices.allowed() == [fake.uuids[1]]
    monkeypatch.setenv("KIT_GPU", "2")
    assert devices.allowed() == [fake.uuids[2]]
    assert devices.allowed("0") == [fake.uuids[0]]
    for hidden in ("", "-1"):
        monkeypatch.delenv("KIT_GPU", raising=False)
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        assert devices.allowed() == []
