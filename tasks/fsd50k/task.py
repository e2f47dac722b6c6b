"""FSD50K: which sounds a clip holds, a 2D task on spectrograms with several labels."""

from kit.mirrors import bucket, drive
from kit.task import About, Source, Task

TASK = Task(
    name="fsd50k",
    title="FSD50K",
    dims=2,
    sample_shape=(1, 96, 101),
    outputs=200,
    kind="multi-label",
    loss="bce",
    metrics=("one-minus-map",),
    unit="clip",
    version=1,
    licence="CC BY 4.0",
    citation="Fonseca et al., FSD50K: An Open Dataset of Human-Labeled Sound Events, "
    "IEEE/ACM TASLP 30, 2022",
    about=About(
        sizes={"train": 36_796, "val": 4_170, "test": 10_231},
        objective="Name the sounds in log-mel spectrograms, out of 200",
        expert="VGG",
    ),
    tiers=("published", "sample", "synthetic"),
    sources=(
        Source(
            file="audio.zip",
            urls=(drive("1IDOkm7IpFfgByDZNM6daxZaVzVJVBNid"), bucket("audio/audio.zip")),
            roughly=24_000_000_000,
        ),
        Source(
            file="samples",
            package="debian:sonic-pi-samples",
            tier="sample",
            folder=True,
        ),
    ),
    # Both papers train on the training clips alone, in the final fit too.
    rules={"roles": {"final_fit": ("train",)}},
    # Chosen once, on grounds of cost alone: what two CPU cores do in minutes and in seconds.
    reduced={
        "lite": {"samples": {"train": 160, "val": 48, "test": 48}, "stride": 2},
        "smoke": {"samples": {"train": 16, "val": 8, "test": 8}, "stride": 3},
    },
)
