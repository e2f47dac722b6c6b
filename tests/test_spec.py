from __future__ import annotations

from functools import partial

import msgspec

from kit import method, task
from kit.spec import RunSpec
from tests.specs import smoke_spec


def spec(seed: int = 0, **changes: object) -> RunSpec:
    made = smoke_spec("wrn", seed=seed)
    return msgspec.structs.replace(made, **changes)


def test_identity_covers_everything_but_the_names_of_overrides() -> None:
    base = spec()
    assert spec().id == base.id
    assert spec(overrides=("width=1",)).id == base.id
    for changed in (
        spec(seed=1),
        spec(task_version=99),
        spec(method_version=99),
        spec(protocol="clean"),
        spec(profile="lite"),
        spec(tier="published"),
        spec(inputs={"densenas": "abc"}),
        spec(settings={**base.settings, "width": 2}),
    ):
        assert changed.id != base.id


def test_seed_zero_is_a_seed() -> None:
    assert spec(0).folder.name.startswith("seed-0-")
    assert spec(0).seed == 0


def test_overrides_that_change_nothing_are_none() -> None:
    made = partial(
        method.find("wrn").spec,
        task.find("darcy-flow"),
        0,
        protocol="released",
        profile="smoke",
        tier="regenerated",
    )
    same, other = made(overrides=("width=1",)), made(overrides=("width=2",))
    assert same == spec()
    assert other.overrides == ("width=2",)
    assert other.id != same.id


def test_spec_survives_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(spec()), type=RunSpec).id == spec().id
