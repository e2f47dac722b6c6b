"""MLflow, with a store in a folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from kit import paths
from kit.errors import KitError
from kit.results.tracking import export
from kit.runs.folder import RunFolder
from tests.made_runs import make_run


def stored(uri: str) -> list[Any]:
    import mlflow

    client = mlflow.MlflowClient(tracking_uri=uri)
    (place,) = [e.experiment_id for e in client.search_experiments() if e.name == "mine"]
    return list(client.search_runs([place]))


def test_results_arrive_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # which it wants for a folder
    uri = (tmp_path / "mlruns").as_uri()
    made = [make_run(seed=0, value=0.25), make_run(seed=1, value=None)]
    assert export(uri, "mine") == (2, 0)
    bad_loss = RunFolder(make_run(seed=2).spec).history
    bad_loss.write_text('{"stage": "search", "epoch": 0, "loss": null}\n')
    assert export(uri, "mine") == (1, 2)
    assert len(stored(uri)) == 3
    (run,) = [r for r in stored(uri) if r.data.params["seed"] == "0"]
    assert run.data.tags["kit.run"] == made[0].spec.id
    assert run.data.tags["kit.device"] == "CPU"
    assert run.data.metrics["relative-l2"] == 0.25
    assert run.data.params["search.optimiser.learning_rate"]
    assert run.info.status == "FINISHED"
    client = mlflow.MlflowClient(tracking_uri=uri)
    losses = client.get_metric_history(run.info.run_id, "search/loss")
    assert [(each.step, each.value) for each in losses] == [(1, 1.0), (2, 0.5), (3, 1 / 3)]
    (silent,) = [r for r in stored(uri) if r.data.params["seed"] == "2"]
    assert "search/loss" not in silent.data.metrics
    (bad,) = [r for r in stored(uri) if r.data.params["seed"] == "1"]
    assert "relative-l2" not in bad.data.metrics


def test_a_store_that_is_none_is_told_in_one_line(tmp_path: Path) -> None:
    make_run()
    (tmp_path / "file").write_text("")
    with pytest.raises(KitError, match="MLflow at "):
        export((tmp_path / "file").as_uri(), "mine")


def test_without_the_library_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(KitError, match=r"\.\[mlflow\]"):
        export("file:x", "mine")
    assert not paths.results().exists()
