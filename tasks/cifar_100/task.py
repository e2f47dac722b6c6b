"""CIFAR-100: natural images of 100 classes, a 2D point task."""

from kit.mirrors import drive
from kit.task import About, Source, Task

TASK = Task(
    name="cifar-100",
    title="CIFAR-100",
    dims=2,
    sample_shape=(3, 32, 32),
    outputs=100,
    kind="point",
    loss="cross-entropy",
    metrics=("zero-one-error",),
    unit="sample",
    version=2,
    licence="CC BY 4.0",
    citation="Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
    about=About(
        sizes={"train": 40_000, "val": 10_000, "test": 10_000},
        objective="Tell the 100 classes of small photographs apart",
        expert="DenseNet-BC",
        novelty="widely used",
    ),
    tiers=("published", "sample", "synthetic"),
    sources=(
        Source(
            file="cifar-100-python.tar.gz",
            urls=(
                "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
                "https://dataset.bj.bcebos.com/cifar/cifar-100-python.tar.gz",
                "https://ossci-datasets.s3.amazonaws.com/cifar/cifar-100-python.tar.gz",
            ),
            size=169001437,
            sha256="85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
            md5="eb9058c3a382ffc7106e4002c42a8d85",
        ),
        Source(
            file="nas-bench-201-cifar-100.csv",
            urls=(drive("1s9zP8r8hWZ22PlJ-Jyq6KmJvRvQNMzeb"),),
            tier="precomputed",
        ),
        Source(
            file="foolbox-3.3.4-py3-none-any.whl",
            package="pypi:foolbox==3.3.4",
            size=1677112,
            sha256="11049d515d38e765e206a73ace9cc648b81a0d6d1da9ad9057e149ee117989cb",
            tier="sample",
        ),
    ),
    # The constants of the released code, times 255 for pixels of 0..255.
    rules={
        "inputs": "constants",
        "mean": tuple(255 * value for value in (0.5071, 0.4867, 0.4408)),
        "std": tuple(255 * value for value in (0.2675, 0.2565, 0.2761)),
        "augment": ("crop", "flip"),
    },
    # Reduced sizes were chosen once, by their cost only.
    reduced={
        "lite": {
            "samples": {
                "train": 2000,
                "val": 500,
                "test": 1000,
            }
        },
        "smoke": {"samples": {"train": 32, "val": 8, "test": 16}},
    },
)
