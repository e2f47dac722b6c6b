"""A method of trials that train nothing, laid into a folder for ``KIT_METHODS``.

What a trial does says its configuration: ``act`` is one of ``score``, ``kill`` (its process, the
first time), ``crash``, ``fail``, ``mistake``, ``wait`` (until the file ``go`` is there).
"""

from __future__ import annotations

import textwrap
from pathlib import Path

INFO = """
    from kit.method import MethodInfo
    from kit.settings import Settings

    class ManySettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
        trials: int
        acts: dict[str, str] = {}

    METHOD = MethodInfo(
        name="many", title="Many trials", version=1, stages=("tune",), settings_type=ManySettings
    )
"""
METHOD = """
    import os
    import signal
    import time

    import torch

    from kit.base.method import Method, Outcome
    from kit.errors import KitError
    from kit.metrics import Prediction
    from kit.seeding import generator

    class Many(Method):
        def run_stage(self, stage, context):
            checkpointer = context.checkpointer(stage, 1)
            acts = self.settings.acts
            wanted = [
                {"value": number / 7, "act": acts.get(str(number), "score")}
                for number in range(self.settings.trials)
            ]
            results = context.map_trials("tune", wanted, epochs=1)
            context.finish(checkpointer, scores=[result.score for result in results])

        def run_trial(self, context, trial):
            folder, number = context.folder.path, trial.number
            if "KIT_TEST_JOURNAL" in os.environ:
                with open(folder / "journal", "a") as stream:
                    gpu = os.environ.get("CUDA_VISIBLE_DEVICES") or "-"
                    stream.write(f"{number} {os.getpid()} {gpu}\\n")
            act, once = trial.configuration["act"], folder / f"once-{number}"
            if act == "kill" and not once.exists():
                once.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            if act == "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            if act == "fail":
                raise MemoryError("all of it is gone")
            if act == "mistake":
                raise KitError("there is no such thing; take another")
            while act == "wait" and not (folder / "go").exists():
                time.sleep(0.02)
            random = generator(context.spec.seed, "many", number)
            return trial.configuration["value"] + float(random.random())

        def predictor(self, context):
            return lambda batch: Prediction(torch.zeros_like(batch.y), "field")

        def outcome(self, context):
            return Outcome()
"""


def write(methods: Path, trials: int) -> Path:
    """Lay the method into a folder of method folders, which is returned."""
    folder = methods / "many"
    folder.mkdir(parents=True)
    (folder / "info.py").write_text(textwrap.dedent(INFO))
    (folder / "method.py").write_text(textwrap.dedent(METHOD))
    (folder / "settings.toml").write_text(f"trials = {trials}\n")
    return methods
