"""amber-random, a control in no paper: the final training of AMBER's networks, of layers drawn."""

from __future__ import annotations

from kit.methods.amber.info import KIND, AmberInfo, AmberNetworkSettings

METHOD = AmberInfo(
    name="amber-random",
    title="AMBER-random",
    version=1,
    stages=("evaluate",),
    settings_type=AmberNetworkSettings,
    dims=(1,),
    architecture=KIND,
    extends="amber",
    extended=("data", "layers", "evaluate", "loss", "speed"),
)
