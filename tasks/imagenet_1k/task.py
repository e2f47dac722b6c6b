"""ImageNet-1K: photographs of 1,000 classes, a 2D point task on the user's own copy."""

from kit.task import About, Source, Task

TASK = Task(
    name="imagenet-1k",
    title="ImageNet-1K",
    dims=2,
    sample_shape=(3, 224, 224),
    outputs=1000,
    kind="point",
    loss="cross-entropy",
    metrics=("zero-one-error",),
    unit="sample",
    version=1,
    licence="ImageNet terms of access: research and education, not commercial",
    citation="Russakovsky et al., ImageNet Large Scale Visual Recognition Challenge, "
    "IJCV 115, 2015",
    about=About(
        sizes={"train": 1_268_355, "val": 12_812, "test": 50_000},
        objective="Tell 1,000 classes of photographs apart",
        expert="ConvNeXt-T",
        novelty="widely used",
    ),
    tiers=("published", "synthetic"),
    sources=(Source(file="train", folder=True), Source(file="val", folder=True)),
    # The window is the side of a network's inputs; the constants are for pixels of 0..255.
    rules={
        "window": 224,
        "inputs": "constants",
        "mean": (123.675, 116.28, 103.53),
        "std": (58.395, 57.12, 57.375),
    },
    # Reduced sizes were chosen once, by their cost only: minutes and seconds on two CPU cores.
    reduced={
        "lite": {"window": 64, "samples": {"train": 400, "val": 100, "test": 200}},
        "smoke": {"window": 32, "samples": {"train": 16, "val": 8, "test": 8}},
    },
)
