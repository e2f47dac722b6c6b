"""PSICOV: distances between the residues of a protein, a dense 2D task on maps of any size."""

from kit.mirrors import bucket, drive
from kit.task import About, Source, Task

TASK = Task(
    name="psicov",
    title="PSICOV",
    dims=2,
    sample_shape=(57, 128, 128),
    outputs=1,
    kind="dense",
    loss="mse",
    metrics=("mae8",),
    unit="protein",
    version=3,
    licence="GPL",
    citation="Adhikari, DEEPCON: Protein Contact Prediction using Dilated Convolutional Neural "
    "Networks with Dropout, Bioinformatics 36(2), 2020",
    about=About(
        sizes={"train": 3_356, "val": 100, "test": 150},
        objective="Predict the distances between residues from features of residue pairs",
        expert="DEEPCON",
        novelty="used before",
    ),
    tiers=("published", "rebuilt", "synthetic"),
    sources=(
        Source(
            file="protein.zip",
            urls=(drive("1nBs6qJJPK8qNzsmFo3waPsGzHFHplLMo"), bucket("protein.zip")),
            roughly=1_100_000_000,
        ),
        # PDNET's own archive. By its lists and sizes it has the same files, one folder deeper.
        Source(
            file="train-data.tar.gz",
            instead=("data",),
            holds=("deepcov.lst", "psicov.lst"),
            urls=("http://deep.cs.umsl.edu/pdnet/train-data.tar.gz",),
            size=1_204_288_519,
            tier="rebuilt",
        ),
    ),
    rules={"window": 128},
    # Reduced sizes were chosen once, by their cost only: minutes and seconds on two CPU cores.
    reduced={
        "lite": {
            "samples": {"train": 48, "val": 12, "test": 16},
            "window": 64,
            "load": {"canvas": 0},
        },
        "smoke": {
            "samples": {"train": 12, "val": 4, "test": 4},
            "window": 32,
            "load": {"canvas": 0},
        },
    },
)
