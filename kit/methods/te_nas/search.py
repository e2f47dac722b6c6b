"""TE-NAS's search: rounds of pruning by two scores of untrained supernets."""

from __future__ import annotations

from statistics import median_low

from kit.base.context import Context
from kit.methods.te_nas.info import TeNasSettings
from kit.methods.te_nas.scoring import changes, scores
from kit.methods.te_nas.steps import Progress, steps
from kit.spaces.darts.genotype import CELLS, Genotype
from kit.spaces.darts.prunable import OPERATIONS, everything, genotype


def search(context: Context, settings: TeNasSettings) -> Genotype:
    """Return the genotype that is left after the last step, and finish the stage with it.

    The history has a line per step: as ``loss`` the condition number before the step, the number of
    linear regions, and what was pruned. A resumed search goes on after the last whole step.
    """
    options = settings.search
    planned = steps(options)
    checkpointer = context.checkpointer("search", len(planned))
    progress = Progress(everything(options.operations))
    both = scores(context, settings)
    for number in range(checkpointer.resume({"progress": progress}), len(planned)):
        checkpointer.begin_epoch(number)
        remaining, step = progress.remaining, planned[number]
        choices = step.choices(remaining)
        (kernel, numbers), (regions, counts) = (
            changes(score, settings, context.spec.seed, number, remaining, choices)
            for score in both
        )
        removed = step.pruned(kernel, regions, options.digits)
        progress.prune(removed)
        checkpointer.end_epoch(
            number,
            len(planned),
            {"progress": progress},
            loss=median_low(numbers),
            regions=median_low(counts),
            pruned=[[CELLS[cell], edge, OPERATIONS[each]] for cell, edge, each in removed],
        )
    result = genotype(progress.remaining)
    context.finish(checkpointer, architecture={"dims": context.task.dims, **result.value()})
    return result
