"""Sequential MNIST: digits as sequences of pixels, the data of DASH's speed tests (A.3)."""

from kit.task import Source, Task

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)
FILES = (
    ("train-images-idx3-ubyte.gz", 9912422),
    ("train-labels-idx1-ubyte.gz", 28881),
    ("t10k-images-idx3-ubyte.gz", 1648877),
    ("t10k-labels-idx1-ubyte.gz", 4542),
)

TASK = Task(
    name="sequential-mnist",
    title="Sequential MNIST",
    dims=1,
    sample_shape=(1, 784),
    outputs=10,
    kind="point",
    loss="cross-entropy",
    metrics=("zero-one-error",),
    unit="sample",
    version=1,
    licence="CC BY-SA 3.0; the sample is Fashion-MNIST, MIT",
    citation="LeCun et al., Gradient-based learning applied to document recognition, 1998",
    tiers=("published", "sample", "synthetic"),
    sources=(
        *(
            Source(file=file, size=size, urls=tuple(mirror + file for mirror in MIRRORS))
            for file, size in FILES
        ),
        Source(
            file="fashion-mnist",
            folder=True,
            tier="sample",
            package="debian:dataset-fashion-mnist",
        ),
    ),
    # MNIST's mean 0.1307 and deviation 0.3081, as in the released code, times 255.
    rules={"inputs": "constants", "mean": [33.3285], "std": [78.5655]},
    reduced={
        "lite": {"samples": {"train": 2000, "val": 500, "test": 1000}},
        "smoke": {"samples": {"train": 32, "val": 8, "test": 16}},
    },
)
