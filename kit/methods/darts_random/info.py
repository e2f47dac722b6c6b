"""darts-random, a control in no paper: the evaluation of GAEA's networks, of genotypes drawn."""

from __future__ import annotations

from kit.methods.darts_gaea.genotypes import EvaluatedSettings, GenotypeInfo
from kit.spaces.darts.architecture import DartsCells

METHOD = GenotypeInfo(
    name="darts-random",
    title="DARTS-random",
    version=1,
    stages=("evaluate",),
    settings_type=EvaluatedSettings,
    architecture=DartsCells(),
    extends="darts-gaea",
    extended=("data", "evaluation", "reduction", "skip", "loss", "speed"),
)
