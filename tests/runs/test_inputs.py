"""Runs that others read: found by id, checked, or told with the command that makes them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from kit import method, task
from kit.errors import KitError
from kit.method import MethodInfo
from kit.runs.folder import RunFolder
from kit.runs.inputs import closure, open_input
from kit.spec import RunSpec
from tests.made_runs import make_run


def plain(name: str, seed: int = 0) -> RunSpec:
    return method.find(name).spec(
        task.find("darcy-flow"), seed, protocol="released", profile="lite", tier="regenerated"
    )


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> RunSpec:
    """A run of dash that reads one of wrn, which reads one of constant."""

    def inputs(self: MethodInfo, spec: RunSpec) -> Mapping[str, RunSpec]:
        below = {"dash": "wrn", "wrn": "constant"}.get(self.name)
        return {} if below is None else {"size": plain(below, spec.seed)}

    monkeypatch.setattr(MethodInfo, "inputs", inputs)
    return plain("dash")


def opened(spec: RunSpec, name: str = "size") -> object:
    return open_input(spec, name, RunFolder(spec).root)


def test_a_finished_run_is_read(reader: RunSpec) -> None:
    made = make_run(method_name="wrn")
    found = open_input(reader, "size", RunFolder(reader).root)
    assert found.result.spec.id == made.spec.id
    assert found.folder == RunFolder(made.spec).path
    assert found.artifact("artifacts/weights.pt").read_bytes().startswith(b"weights of")


def test_what_is_not_there_is_told_with_its_command(reader: RunSpec) -> None:
    words = (
        "and it is not there; 'kit run darcy-flow wrn --seed 0 --profile lite --protocol released "
        "--tier regenerated' makes it"
    )
    with pytest.raises(KitError, match=words):
        opened(reader)
    made = make_run(method_name="wrn")
    result = RunFolder(made.spec).result
    result.rename(result.with_name("kept.json"))
    with pytest.raises(KitError, match=r"it is not finished; 'kit run darcy-flow wrn"):
        opened(reader)
    result.write_text("{")
    with pytest.raises(KitError, match="its result counts as absent"):
        opened(reader)
    with pytest.raises(KitError, match=r"reads no run 'sise'; there is size"):
        opened(reader, "sise")
    with pytest.raises(KitError, match=r"reads no run 'size'; there is none"):
        opened(plain("constant"))


def test_a_run_that_no_method_names_any_more(reader: RunSpec) -> None:
    other = msgspec.structs.replace(reader, inputs={"size": "0" * 64})
    with pytest.raises(KitError, match=r"reads the run 00000000 \(size\), and it is not there$"):
        opened(other)


def test_artifacts_are_what_the_run_left(reader: RunSpec) -> None:
    make_run(method_name="wrn")
    found = open_input(reader, "size", RunFolder(reader).root)
    with pytest.raises(KitError, match=r"no artifact 'weights.pt'; there is artifacts/weights.pt"):
        found.artifact("weights.pt")
    (found.folder / "artifacts" / "weights.pt").write_bytes(b"others")
    with pytest.raises(KitError, match=r"is not what its run left; 'kit run darcy-flow wrn"):
        found.artifact("artifacts/weights.pt")


def test_what_is_read_comes_first(reader: RunSpec) -> None:
    assert [spec.method for spec in closure(reader)] == ["constant", "wrn", "dash"]
