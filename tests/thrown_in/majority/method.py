"""majority: count, answer."""

from __future__ import annotations

from collections.abc import Callable

import torch

from kit.base.context import Context
from kit.base.method import Method, Outcome
from kit.data.loading import Batch
from kit.files import write_json
from kit.metrics import Prediction

from .info import MajoritySettings


class Majority(Method[MajoritySettings]):
    """One stage, ``count``; no network."""

    def run_stage(self, stage: str, context: Context) -> None:
        checkpointer = context.checkpointer(stage, 1)
        label = int(torch.bincount(context.fold("final_fit").samples.y).argmax())
        write_json(context.artifacts / "label.json", label)
        context.finish(checkpointer, label=label)

    def predictor(self, context: Context) -> Callable[[Batch], Prediction]:
        label = context.output("count")["label"]
        return lambda batch: Prediction(torch.full_like(batch.y, label), "labels")

    def outcome(self, context: Context) -> Outcome:
        return Outcome(artifacts=[("artifacts/label.json", "json")])
