"""Facts on the tasks, from their folders, beside what the papers say of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kit import task
from kit.papers import PublishedCell
from kit.report.cells import Computed
from kit.report.tables import TableRequest, TableValues
from kit.task import Task

ORIGIN = "task folders"
HOW = "from the task folders"
KINDS = {
    "point": "Point",
    "multi-label": "Point (multi-label)",
    "regression": "Point (regression)",
    "dense": "Dense",
    "segmentation": "Dense (classes)",
}
METRICS = {
    "zero-one-error": "0-1 error",
    "one-minus-map": "1 – mAP",
    "one-minus-f1": "1 – F1",
    "one-minus-auroc": "1 – AUROC",
    "relative-l2": "relative ℓ2",
    "mae8": "MAE8",
    "false-negative-rate": "FNR",
    "rmse": "RMSE",
    "mae": "MAE",
    "one-minus-r2": "1 – R²",
    "one-minus-miou": "1 – mIoU",
}
NOVELTY = {"new": "✓", "used before": "no, used before", "widely used": "no, widely used"}


def fill(request: TableRequest) -> TableValues:
    """State the facts of each task that is here and says them."""
    computed = {}
    known = task.names()
    for key in request.keys:
        if key.task in known:
            text = FACTS[key.metric](task.find(key.task))
            if text:
                computed[key] = _beside(text, request.printed.get(key), key.metric)
    return TableValues(computed=computed)


def _beside(text: str, printed: PublishedCell | None, fact: str) -> Computed:
    # Each paper words the objectives in its own way, and so does the kit.
    same = None if printed is None or fact == "objective" else text == printed.mean
    return Computed(text, None, HOW, same)


def size(samples: Mapping[str, int]) -> str:
    """Return how many samples there are in all, in thousands or millions where they are many."""
    total = sum(samples.values())
    if total >= 1_000_000:
        return f"{total / 1e6:.3g}M"
    return f"{total / 1e3:.0f}K" if total >= 10_000 else str(total)


FACTS: dict[str, Callable[[Task], str]] = {
    "size": lambda found: size(found.about.sizes) if found.about else "",
    "dims": lambda found: f"{found.dims}D",
    "type": lambda found: KINDS[found.kind],
    "licence": lambda found: found.licence,
    "objective": lambda found: found.about.objective if found.about else "",
    "expert": lambda found: found.about.expert if found.about else "",
    "metric": lambda found: METRICS[found.metrics[0]],
    "novelty": lambda found: NOVELTY[found.about.novelty] if found.about else "",
}
