"""Diabetes: made by 'kit new task' from diabetes.npz."""

from kit.task import Task

TASK = Task(
    name="diabetes",
    title="Diabetes",
    dims=1,
    sample_shape=(1, 10),
    outputs=1,
    names=(),
    kind="regression",
    loss="scaled-mse:scale=77.6466",
    metrics=("rmse", "mae", "one-minus-r2"),
    unit="sample",
    version=1,
    licence="BSD-3-Clause, as scikit-learn has it",
    citation="Efron et al., Least Angle Regression, 2004; from scikit-learn",
    tiers=("sample",),
    rules={
        "inputs": "constants",
        "mean": [0.00189675016],
        "std": [0.0472225506],
        "targets": "pointwise",
    },
    reduced={
        "smoke": {"samples": {"train": 32, "val": 8, "test": 16}},
    },
)
