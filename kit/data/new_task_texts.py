"""The texts of the files in the folder of a new task, to be filled in by ``kit.data.new_task``."""

TASK = '''"""{title}: made by 'kit new task' from {source}."""

from kit.task import Task

TASK = Task(
    name={name!r},
    title={title!r},
    dims={dims},
    sample_shape={shape},
    outputs={outputs},
    names={names!r},
    kind={kind!r},
    loss={loss!r},
    metrics={metrics!r},
    unit="sample",
    version=1,
    licence="your own",
    citation="your own",
    tiers=("sample",),
    rules={{"inputs": "constants", "mean": {mean}, "std": {std}{targets}}},
    # Profiles take all samples but for smoke, which is for seeing that everything runs.
    reduced={{
        "smoke": {{"samples": {{"train": 32, "val": 8, "test": 16}}}},
    }},
)
'''
PREPARE = '''"""The arrays of this folder, as they are."""

from pathlib import Path

import numpy as np

from kit.data import npy
from kit.task import Contents, Preparation


def prepare(job: Preparation) -> Contents:
    """Return x, y and the folds of ``data.npz``."""
    data = npy.load_npz(Path(__file__).with_name("data.npz"), ("x", "y", "split"))
    x, y, split = data["x"], data["y"], data["split"]
    folds = {name: np.flatnonzero(split == i) for i, name in enumerate(("train", "val", "test"))}
    job.progress(1, 1)
    arrays = {"x": x, "y": y, "unit_id": np.arange(len(x))}
    return Contents(arrays=arrays, folds=folds, origin={})
'''
README = """# {title}

Made by `kit new task` from {source}. `task.py` has the facts (edit licence, citation, loss and
metrics there), `data.npz` the arrays, `reading.json` how new files are read for predictions.

Finished runs keep the loss and the metrics that they had. After a change of these, raise `version`
in `task.py`, prepare the data again, and all runs are made anew.

```
{card}
```
"""
