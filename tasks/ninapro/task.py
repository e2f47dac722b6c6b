"""NinaPro: hand gestures from electromyography, a 2D point task."""

from kit.mirrors import bucket, drive
from kit.task import About, Source, Task

# File, identifier on Drive, and MD5 as stated by the repository FWRENCH.
FILES = (
    ("ninapro_train", "1zcrpm9gPwKk_neZNJ6TygAq8Udmuc4LD", "d4c33785587983348e6091e86a0d30b6"),
    ("label_train", "1xYd5EqUwxp0wBoIXfFSS6FjjdhVD1z-k", "4164e7fcae3f8abed0a04fd86b704f77"),
    ("ninapro_val", "1UYMJBh1T8ioLamefI-15QtHrx5yyyDtj", "138b106d4374a3fc204e41f6c4deda49"),
    ("label_val", "1pCRBQjgkx2yyf8K0ReOYmcY1l3BlJgci", "f0464819f7ed56cb1cbbfafd312bd604"),
    ("ninapro_test", "1rtZvlLnGvK9XSujVyH-faixpvMHLEiSV", "8a2b2cf87d5a5cf3986db2d67ebcfa18"),
    ("label_test", "1-PcyUoOmcFBUexSILpZYndiEioldzxMR", "807b502000dba69ae0111063970ac5d2"),
)

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
        *(
            Source(
                file=f"{name}.npy",
                urls=(drive(identifier), bucket(f"ninapro/{name}.npy")),
                roughly=15_000_000 if name == "ninapro_train" else None,
                md5=md5,
            )
            for name, identifier, md5 in FILES
        ),
        Source(
            file="NATS-tss-v1_0-daa55.pickle.pbz2",
            urls=(drive("1y_Y3TbIE5rVhJ42hwIq6alUeMqlFr-bv"),),
            roughly=84_000_000,
            tier="precomputed",
        ),
        Source(
            file="nas-bench-201-ninapro.csv",
            urls=(drive("1QPX9P9bBazlmhHS8Y7DBxijmaYtw-BKJ"),),
            tier="precomputed",
        ),
        Source(
            file="libemg-2.0.3.tar.gz",
            package="pypi:libemg==2.0.3",
            size=258393,
            sha256="0fc38a65ab1c035ae5b08786c6e06c72ed10a52f86622493902c6059e1ed3ca6",
            tier="sample",
        ),
    ),
    # Reduced sizes were chosen once, by their cost only.
    reduced={
        "lite": {"samples": {"train": 1200, "val": 600, "test": 659}},
        "smoke": {"samples": {"train": 32, "val": 8, "test": 16}},
    },
)
