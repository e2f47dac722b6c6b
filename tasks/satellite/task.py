"""Satellite: land cover from a pixel's time series, a 1D point task."""

from kit.mirrors import bucket, drive
from kit.task import About, Source, Task

TASK = Task(
    name="satellite",
    title="Satellite",
    dims=1,
    sample_shape=(1, 46),
    outputs=24,
    kind="point",
    loss="cross-entropy",
    metrics=("zero-one-error",),
    unit="sample",
    version=2,
    licence="GPL 3.0",
    citation="Petitjean et al., Satellite Image Time Series Analysis under Time Warping, 2012",
    about=About(
        sizes={"train": 800_000, "val": 100_000, "test": 100_000},
        objective="Tell 24 land covers from a pixel's series over the year",
        expert="ROCKET",
    ),
    tiers=("published", "rebuilt", "sample", "synthetic"),
    sources=(
        Source(
            file="satellite_train.npy",
            urls=(
                drive("1TB38jKE1njCyo_M4P8iYvNmF6BV4T51f"),
                bucket("satellite/satellite_train.npy"),
            ),
            roughly=338_400_000,
        ),
        Source(
            file="satellite_test.npy",
            urls=(
                drive("1u8iakYN99Vea81ucDGtEYbRkCAR99pDL"),
                bucket("satellite/satellite_test.npy"),
            ),
            roughly=37_600_000,
        ),
        # The files of an article in one archive. The content of the second address is not known.
        Source(
            file="sits1m.zip",
            instead=("sits1m",),
            holds=("SITS1M_fold1_TRAIN.csv", "SITS1M_fold1_TEST.csv"),
            urls=(
                "https://figshare.com/ndownloader/articles/4557349/versions/1",
                drive("0B8Cg6Izm3IJybWxnWDJPeWZQWVk"),
            ),
            tier="rebuilt",
        ),
        Source(file="sits-formosat2", folder=True, tier="sample"),
    ),
    # Each series is z-scored by itself, as in NAS-Bench-360; DASH's code does not do this.
    rules={"inputs": "per-sample"},
    # Reduced sizes were chosen once, by their cost only.
    reduced={
        "lite": {
            "samples": {
                "train": 6000,
                "val": 1000,
                "test": 2000,
            }
        },
        "smoke": {"samples": {"train": 32, "val": 8, "test": 16}},
    },
)
