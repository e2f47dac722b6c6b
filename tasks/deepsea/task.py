"""DeepSEA: chromatin features of a piece of the genome, a 1D multi-label task."""

from kit.mirrors import bucket, drive
from kit.task import About, Source, Task

PRINCETON = "http://deepsea.princeton.edu/media/code"

TASK = Task(
    name="deepsea",
    title="DeepSEA",
    dims=1,
    # Prepared inputs are indices of bases; networks see one channel per base.
    sample_shape=(1, 1000),
    outputs=36,
    kind="multi-label",
    loss="bce",
    metrics=("one-minus-auroc",),
    unit="sample",
    version=1,
    licence="CC BY 4.0",
    citation="Zhou and Troyanskaya, Predicting effects of noncoding variants with deep "
    "learning-based sequence model, Nature Methods 2015",
    about=About(
        sizes={"train": 71_753, "val": 2_490, "test": 149_400},
        objective="Predict 36 chromatin features of DNA sequences",
        expert="DeepSEA",
        novelty="used before",
    ),
    tiers=("published", "rebuilt", "sample", "synthetic"),
    sources=(
        Source(
            file="deepsea_filtered.npz",
            urls=(
                drive("1wTCnpF91GYA043w8H14Q8riTLJNUGxGJ"),
                bucket("deepsea/deepsea_filtered.npz"),
            ),
            roughly=902_623_148,
        ),
        # The original data. It is not public which labels and sequences the papers use.
        Source(
            file="deepsea_train_bundle.v0.9.tar.gz",
            instead=("deepsea_train",),
            holds=("train.mat", "valid.mat", "test.mat"),
            urls=(f"{PRINCETON}/deepsea_train_bundle.v0.9.tar.gz",),
            roughly=3_500_000_000,
            tier="rebuilt",
        ),
        # 36 numbers in 0..918, one a line, provided by the user: they are not published.
        Source(file="labels.txt", tier="rebuilt"),
        Source(
            file="janggu-0.10.2-py2.py3-none-any.whl",
            package="pypi:janggu==0.10.2",
            size=1288940,
            sha256="3825abe65578509232fcaa1e56f9eb5d71de105d70c9bcc9551357adc7d2fc47",
            tier="sample",
        ),
    ),
    rules={"one_hot": 4},
    # Reduced sizes were chosen once, by their cost only.
    reduced={
        "lite": {"samples": {"train": 4000, "val": 500, "test": 2000}},
        "smoke": {"samples": {"train": 32, "val": 8, "test": 16}},
    },
)
