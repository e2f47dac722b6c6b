"""Darcy Flow: from a diffusion coefficient to the pressure, a dense 2D task."""

from kit.mirrors import bucket, drive
from kit.task import About, Source, Task

SMOOTH = "piececonst_r421_N1024_smooth{}.mat"

TASK = Task(
    name="darcy-flow",
    title="Darcy Flow",
    dims=2,
    sample_shape=(1, 85, 85),
    outputs=1,
    kind="dense",
    loss="relative-l2",
    metrics=("relative-l2",),
    unit="sample",
    version=1,
    licence="MIT",
    citation="Li et al., Fourier Neural Operator for Parametric PDEs, ICLR 2021",
    about=About(
        sizes={"train": 900, "val": 100, "test": 100},
        objective="Predict the pressure of a steady flow from the diffusion coefficient",
        expert="FNO",
        novelty="used before",
    ),
    tiers=("published", "regenerated"),
    sources=(
        Source(
            file=SMOOTH.format(1),
            urls=(drive("17anR-H_C7It5sytoNFOk7YmOeeCX11F6"), bucket(SMOOTH.format(1))),
            roughly=1_600_000_000,
        ),
        Source(
            file=SMOOTH.format(2),
            urls=(drive("1v0nJs7GMnT2JYfhPuKBm7KyXRSBxMEFW"), bucket(SMOOTH.format(2))),
            roughly=1_600_000_000,
        ),
        Source(
            file="NATS-tss-v1_0-48858.pickle.pbz2",
            urls=(drive("1PXYdAjtuBz9aR4MMzbjYbVzojTQrfliU"),),
            roughly=85_000_000,
            tier="precomputed",
        ),
        Source(
            file="nas-bench-201-darcy-flow.csv",
            urls=(drive("1QvW4YgZTUrTUnhjK9XHjnu3-gEn58eLG"),),
            tier="precomputed",
        ),
    ),
    rules={"inputs": "pointwise", "targets": "pointwise", "coordinates": True},
    # Reduced sizes were chosen once, by their cost only: minutes and seconds on two CPU cores.
    reduced={
        "lite": {"samples": {"train": 160, "val": 40, "test": 50}, "stride": 4},
        "smoke": {"samples": {"train": 12, "val": 4, "test": 4}, "stride": 6},
    },
)
