"""Fertility: made by 'kit new task' from fertility.csv."""

from kit.task import Task

TASK = Task(
    name="fertility",
    title="Fertility",
    dims=1,
    sample_shape=(1, 41),
    outputs=1,
    names=(),
    kind="regression",
    loss="scaled-mse:scale=1.47932",
    metrics=("rmse", "mae", "one-minus-r2"),
    unit="sample",
    version=1,
    licence="the terms of use of the World Bank",
    citation="World Bank, Fertility rate, total (SP.DYN.TFRT.IN); from statsmodels",
    tiers=("sample",),
    rules={
        "inputs": "constants",
        "mean": [4.46305965],
        "std": [1.98054115],
        "targets": "pointwise",
    },
    reduced={
        "smoke": {"samples": {"train": 32, "val": 8, "test": 16}},
    },
)
