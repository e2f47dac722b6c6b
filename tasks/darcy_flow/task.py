"""Darcy Flow: from a diffusion coefficient to the pressure, a dense 2D task."""

from kit.task import About, Source, Task

BUCKET = "https://pde-xd.s3.amazonaws.com"

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
            file="piececonst_r421_N1024_smooth1.mat",
            urls=(f"{BUCKET}/piececonst_r421_N1024_smooth1.mat",),
        ),
        Source(
            file="piececonst_r421_N1024_smooth2.mat",
            urls=(f"{BUCKET}/piececonst_r421_N1024_smooth2.mat",),
        ),
    ),
    rules={"inputs": "pointwise", "targets": "pointwise", "coordinates": True},
    # Chosen once, on grounds of cost alone: what two CPU cores do in minutes and in seconds.
    reduced={
        "lite": {"samples": {"train": 160, "val": 40, "test": 50}, "stride": 4},
        "smoke": {"samples": {"train": 12, "val": 4, "test": 4}, "stride": 6},
    },
)
