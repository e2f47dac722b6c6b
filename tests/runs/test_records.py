"""What older kits wrote is read as what it was."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kit.runs.folder import RunFolder, read_result
from kit.runs.records import decode_spec
from kit.spec import RunSpec
from tests.made_runs import make_run

# A spec as schema 1 had it, and the id that kits of then gave it.
OLD: dict[str, Any] = {
    "task": "darcy-flow",
    "task_version": 2,
    "method": "wrn",
    "method_version": 1,
    "seed": 0,
    "protocol": "clean",
    "profile": "smoke",
    "tier": "regenerated",
    "settings": {"width": 1, "data": {"roles": {}}},
    "trial": None,
    "inputs": {"x": "ab"},
    "overrides": [],
}
OLD_ID = "517ea4ea86b25c6c13f67035a34114ed70a031ba03e665273f96d5f432db9b0b"


def test_a_spec_of_schema_1_keeps_its_id() -> None:
    assert decode_spec(msgspec.json.encode(OLD)).id == OLD_ID
    assert decode_spec(msgspec.json.encode(decode_spec(msgspec.json.encode(OLD)))).id == OLD_ID


def test_a_setting_of_schema_1_is_read_by_its_name_of_today() -> None:
    old = OLD | {"settings": {"width": 1, "convention": "dash"}}
    read = decode_spec(msgspec.json.encode(old))
    assert read.settings == {"width": 1, "variant": "dash"}
    assert read.id == "4a7c4eb55f6557035165b61294b66ea5a5381b38eafda97a3b88b53df1b887fa"


def test_a_result_of_schema_1_is_read_in_its_folder() -> None:
    made = make_run()
    file = RunFolder(made.spec).result
    document = msgspec.json.decode(file.read_bytes())
    document["schema"], document["spec"]["trial"] = 1, None
    file.write_bytes(msgspec.json.encode(document))
    assert read_result(file).spec.id == made.spec.id
    assert read_result(file).schema == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema": 1, "trial": 3}, "unknown field `trial`"),
        ({"schema": 2, "trial": None}, "unknown field `trial`"),
        ({"schema": 99}, "schema 99 instead of 2"),
        ({"schema": "1"}, "Expected `int`"),
    ],
)
def test_other_results_are_refused(changes: dict[str, Any], words: str) -> None:
    made = make_run()
    file = RunFolder(made.spec).result
    document = msgspec.json.decode(file.read_bytes())
    document["schema"] = changes["schema"]
    if "trial" in changes:
        document["spec"]["trial"] = changes["trial"]
    file.write_bytes(msgspec.json.encode(document))
    with pytest.raises(ValueError, match=words):
        read_result(file)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"[" * 100_000, b"\xff"])
def test_what_is_no_record_is_no_crash(content: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_spec(content)
    file = RunFolder(make_run().spec).result
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"."):
        read_result(file)


def test_any_kind_of_architecture_can_be_read() -> None:
    made = make_run()
    file = RunFolder(made.spec).result
    document = msgspec.json.decode(file.read_bytes())
    document["architecture"] = {"kind": "of a kit to come", "version": 7, "value": {"a": [1]}}
    file.write_bytes(msgspec.json.encode(document))
    read = read_result(file).architecture
    assert read is not None
    assert read.kind == "of a kit to come"


def test_the_spec_has_no_trial() -> None:
    assert "trial" not in RunSpec.__struct_fields__
