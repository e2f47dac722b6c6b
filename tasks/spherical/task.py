"""Spherical: images of CIFAR-100 projected onto the sphere, a 2D point task."""

from kit.mirrors import bucket, drive
from kit.task import About, Source, Task

CIFAR = "cifar-100-python.tar.gz"

TASK = Task(
    name="spherical",
    title="Spherical",
    dims=2,
    sample_shape=(3, 60, 60),
    outputs=100,
    kind="point",
    loss="cross-entropy",
    metrics=("zero-one-error",),
    unit="sample",
    version=2,
    licence="CC BY-SA",
    citation="Cohen et al., Spherical CNNs, ICLR 2018",
    about=About(
        sizes={"train": 40_000, "val": 10_000, "test": 10_000},
        objective="Tell the 100 classes of photographs on a sphere apart",
        expert="S2CNN",
    ),
    tiers=("published", "regenerated", "sample", "synthetic"),
    sources=(
        Source(
            file="s2_cifar100.gz",
            urls=(
                drive("1EJbc2n0tYOh0PsbVQ0yyTz58UI3wHFud"),
                bucket("spherical/s2_cifar100.gz"),
            ),
            roughly=272_000_000,
        ),
        Source(
            file=CIFAR,
            urls=(
                f"https://www.cs.toronto.edu/~kriz/{CIFAR}",
                f"https://dataset.bj.bcebos.com/cifar/{CIFAR}",
                f"https://ossci-datasets.s3.amazonaws.com/cifar/{CIFAR}",
            ),
            size=169001437,
            sha256="85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
            md5="eb9058c3a382ffc7106e4002c42a8d85",
            tier="regenerated",
        ),
        Source(
            file="foolbox-3.3.4-py3-none-any.whl",
            package="pypi:foolbox==3.3.4",
            size=1677112,
            sha256="11049d515d38e765e206a73ace9cc648b81a0d6d1da9ad9057e149ee117989cb",
            tier="sample",
        ),
    ),
    # There are no rules: in both papers' code pixels of 0..255 are neither scaled nor augmented.
    # Reduced sizes were chosen once, by their cost only.
    reduced={
        "lite": {
            "samples": {
                "train": 1000,
                "val": 250,
                "test": 500,
            }
        },
        "smoke": {"samples": {"train": 32, "val": 8, "test": 16}},
    },
)
