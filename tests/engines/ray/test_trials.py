"""Trials on a Ray cluster of two nodes come to what they come to in one process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import ray
from ray.cluster_utils import Cluster

from kit import method, task
from kit.engines.execute import Options, execute
from kit.errors import KitError, UnavailableError
from kit.methods.halved_trials import HalvedTrials
from kit.runs.folder import RunFolder
from kit.spec import RunSpec


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    made.add_node(num_cpus=1)
    yield made.address
    ray.shutdown()
    made.shutdown()


def spec(name: str, *overrides: str) -> RunSpec:
    return method.find(name).spec(
        task.find("darcy-flow"),
        0,
        protocol="released",
        profile="smoke",
        tier="regenerated",
        overrides=overrides,
    )


@pytest.mark.usefixtures("darcy")
def test_trials_on_a_cluster(cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[tuple[Any, Any]] = []

    def run(options: Options) -> None:
        of_spec = spec("wrn-asha", "tune.divisor=2", "tune.every=4", "epochs=2")
        result, tuned = execute(of_spec, options), RunFolder(of_spec).output("tune")
        assert result is not None
        assert tuned is not None
        found.append((result.metrics, tuned["trials"]))

    def not_here(*_: object) -> NoReturn:
        raise AssertionError("a trial was trained here")

    run(Options(device="cpu"))
    monkeypatch.setenv("KIT_RESULTS", str(tmp_path / "there"))
    monkeypatch.setattr(HalvedTrials, "advance", not_here)
    run(Options(trials_on=cluster))
    assert found[0] == found[1]


def test_no_cluster_or_no_trials(darcy: Path) -> None:
    with pytest.raises(UnavailableError, match=r"no Ray cluster to be had at 127\.0\.0\.1:1:"):
        execute(spec("wrn-asha"), Options(trials_on="127.0.0.1:1"))
    with pytest.raises(KitError, match="wrn has no trials that could be trained elsewhere"):
        execute(spec("wrn"), Options(trials_on="127.0.0.1:1"))
