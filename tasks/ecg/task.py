"""ECG: the rhythm of a single-lead recording, a 1D task of four classes."""

from kit.mirrors import bucket, drive
from kit.task import About, Source, Task

PHYSIONET = "https://physionet.org/files/challenge-2017/1.0.0"
ARCHIVE = "https://archive.physionet.org/challenge/2017"

TASK = Task(
    name="ecg",
    title="ECG",
    dims=1,
    sample_shape=(1, 1000),
    outputs=4,
    kind="point",
    loss="cross-entropy",
    metrics=("one-minus-f1",),
    forms=("challenge",),
    unit="record",
    version=2,
    licence="ODC-BY 1.0",
    citation="Clifford et al., AF Classification from a Short Single Lead ECG Recording: the "
    "PhysioNet/Computing in Cardiology Challenge 2017, CinC 2017",
    about=About(
        sizes={"train": 261_740, "val": 33_281, "test": 33_494},
        objective="Tell four rhythms of the heart from windows of one lead",
        expert="ResNet-1D",
    ),
    provable=True,
    tiers=("published", "rebuilt", "sample", "synthetic"),
    sources=(
        Source(
            file="challenge2017.pkl",
            # On Drive: the copies of NAS-Bench-360 and of DASH, and another file of the same name.
            urls=(
                drive("1vp41dhFqCAsEBUld8tXfzC1lRiGm27Aq"),
                drive("1j7Yk0-W9uonQiyyG2B9ZAw5jjZA-UeMS"),
                drive("1JhJrNgMxQrqHhLOiFMkzW9-PlelmQ7Is"),
                bucket("ECG/challenge2017.pkl"),
            ),
            roughly=166_300_000,
        ),
        Source(
            file="training2017.zip",
            instead=("training2017",),
            holds=("A0*.mat",),
            urls=(
                f"{PHYSIONET}/training2017.zip",
                f"{ARCHIVE}/training2017.zip",
            ),
            tier="rebuilt",
        ),
        # The zip contains a label file too, but of version 2, which the papers do not use. No hash
        # is given here, since the known one is for other line ends; the content is checked.
        Source(
            file="REFERENCE-v3.csv",
            instead=("REFERENCE-v2.csv", "REFERENCE-v1.csv", "REFERENCE.csv"),
            urls=(f"{PHYSIONET}/REFERENCE-v3.csv", f"{ARCHIVE}/REFERENCE-v3.csv"),
            roughly=76_000,
            tier="rebuilt",
        ),
        Source(file="ecg-cinc2017-validation", tier="sample", folder=True),
    ),
    rules={
        "window": 1000,
        # One stride per class: N, A, O, ~. Windows of rare classes overlap more.
        "window_strides": (500, 83, 250, 25),
        "inputs": "per-sample",
    },
    # Reduced sizes were chosen once, by their cost only: windows per second on two CPU cores. They
    # take the first records of each fold, also of the released final split. Lite has a quarter of
    # the sampling rate, and half or a third of the windows of the two rarest classes.
    reduced={
        "lite": {
            "samples": {
                "train": 240,
                "val": 30,
                "test": 30,
                "90-10-train": 270,
                "90-10-test": 60,
            },
            "stride": 4,
            "window_strides": (500, 166, 250, 75),
        },
        "smoke": {
            "samples": {"train": 16, "val": 8, "test": 8, "90-10-train": 24, "90-10-test": 8}
        },
    },
)
