"""Digits: made by 'kit new task' from digits.npz."""

from kit.task import Task

TASK = Task(
    name="digits",
    title="Digits",
    dims=2,
    sample_shape=(1, 8, 8),
    outputs=10,
    names=("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"),
    kind="point",
    loss="cross-entropy",
    metrics=("zero-one-error", "one-minus-f1"),
    unit="sample",
    version=1,
    licence="CC BY 4.0",
    citation="Alpaydin and Kaynak, Optical Recognition of Handwritten Digits; from scikit-learn",
    tiers=("sample",),
    rules={"inputs": "constants", "mean": [4.88705505], "std": [5.99965122]},
    reduced={
        "smoke": {"samples": {"train": 32, "val": 8, "test": 16}},
    },
)
