"""Cosmic: which pixels of a telescope image a cosmic ray has hit, a dense 2D task."""

from kit.mirrors import bucket, drive, zenodo
from kit.task import About, Source, Task

RECORD = "4295902"
TRAIN, TEST = "deepCR.ACS-WFC.train.tar", "deepCR.ACS-WFC.test.tar"

TASK = Task(
    name="cosmic",
    title="Cosmic",
    dims=2,
    sample_shape=(1, 128, 128),
    outputs=1,
    kind="dense",
    loss="masked-bce",
    # DASH's table reports 1 - AUROC, that of NAS-Bench-360 the false negative rate.
    metrics=("one-minus-auroc", "false-negative-rate"),
    unit="stamp",
    version=1,
    licence="Open License",
    citation="Zhang and Bloom, deepCR: Cosmic Ray Rejection with Deep Learning, ApJ 889:24, 2020",
    about=About(
        sizes={"train": 4_347, "val": 483, "test": 420},
        objective="Map the probability of cosmic rays in telescope images",
        expert="deepCR-mask",
    ),
    tiers=("published", "rebuilt", "synthetic"),
    sources=(
        Source(
            file=TRAIN,
            urls=(drive("1lHsNhPM-73YFdi7V1mkEaa_WyYuz9Waf"), bucket(f"cosmic/{TRAIN}")),
            roughly=6_500_000_000,
        ),
        Source(
            file=TEST,
            urls=(drive("1Pc6p1r6TdGCFZMOYScINMj65sF0BnSod"), bucket(f"cosmic/{TEST}")),
            roughly=2_000_000_000,
        ),
        # The record of deepCR's authors. Its archives are likely the same files, as they have the
        # same names and visits. This is stated nowhere, so these data are a tier of their own.
        Source(
            file=f"zenodo/{TRAIN}",
            instead=("zenodo/npy_train",),
            holds=("npy_train/*/*/*/*.npy",),
            urls=(zenodo(RECORD, TRAIN),),
            roughly=6_500_000_000,
            tier="rebuilt",
        ),
        Source(
            file=f"zenodo/{TEST}",
            instead=("zenodo/npy_test",),
            holds=("npy_test/*/*/*/*.npy",),
            urls=(zenodo(RECORD, TEST),),
            roughly=2_000_000_000,
            tier="rebuilt",
        ),
    ),
    # Reduced sizes were chosen once, by their cost only: minutes and seconds on two CPU cores.
    reduced={
        "lite": {"samples": {"train": 96, "val": 24, "test": 32}, "stride": 2},
        "smoke": {"samples": {"train": 12, "val": 4, "test": 4}, "stride": 4},
    },
)
