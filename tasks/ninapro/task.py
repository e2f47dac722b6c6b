"""NinaPro: hand gestures from electromyography, a 2D point task."""

from kit.task import About, Source, Task

BUCKET = "https://pde-xd.s3.amazonaws.com/ninapro"
FILES = [f"{kind}_{fold}.npy" for fold in ("train", "val", "test") for kind in ("ninapro", "label")]

TASK = Task(
    name="ninapro",
    title="NinaPro",
    dims=2,
    sample_shape=(1, 16, 52),
    outputs=18,
    kind="point",
    loss="cross-entropy",
    metrics=("zero-one-error",),
    unit="sample",
    version=1,
    licence="CC BY-ND",
    citation="Atzori et al., Building the NinaPro Database, BioRob 2012",
    about=About(
        sizes={"train": 2_638, "val": 659, "test": 659},
        objective="Tell 18 gestures of a hand from the EMG of its forearm",
        expert="Attention Model",
    ),
    tiers=("published", "sample", "synthetic"),
    sources=(
        *(Source(file=name, urls=(f"{BUCKET}/{name}",)) for name in FILES),
        Source(
            file="libemg-2.0.3.tar.gz",
            package="pypi:libemg==2.0.3",
            size=258393,
            sha256="0fc38a65ab1c035ae5b08786c6e06c72ed10a52f86622493902c6059e1ed3ca6",
            tier="sample",
        ),
    ),
    # Chosen once, on grounds of cost alone.
    reduced={
        "lite": {"samples": {"train": 1200, "val": 600, "test": 659}},
        "smoke": {"samples": {"train": 32, "val": 8, "test": 16}},
    },
)
