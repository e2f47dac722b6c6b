"""The device that torch computes on; nobody gets the CPU for a GPU without knowing."""

from __future__ import annotations

import torch

from kit.engines import devices, visible
from kit.errors import KitError


def choose(asked: str | None) -> str:
    """Return the device: the one that is asked for, else a GPU where there is one.

    Args:
        asked: ``cpu``, ``cuda``, or None.

    Raises:
        KitError: torch cannot use a GPU, and ``cpu`` was not asked for.
    """
    if asked is None:
        check()
    usable = torch.cuda.is_available()
    if asked is not None and asked.startswith("cuda") and not usable:
        raise KitError("no CUDA device is usable here; use --device cpu")
    return asked or ("cuda" if usable else "cpu")


def check() -> None:
    """Refuse to leave the machine's GPUs alone unless somebody asked for that.

    They may be left alone where they are hidden (``KIT_GPU`` or ``CUDA_VISIBLE_DEVICES``), and
    where their driver can run no CUDA at all.

    Raises:
        KitError: torch does not see them: it is built without CUDA, or for a newer driver.
        UnavailableError: the driver does not work.
    """
    if torch.cuda.is_available() or visible.allowed() == []:
        return
    gpus, able = devices.gpus(), devices.cuda_version()
    if not gpus or able is None:
        return
    built = torch.version.cuda
    why = f"for CUDA {built}, its driver runs {able}" if built else "without CUDA"
    raise KitError(
        f"torch cannot use the GPU here ({gpus[0].model}): torch {torch.__version__} is built "
        f"{why}; install one that fits (https://pytorch.org/get-started/locally), or say "
        "--device cpu"
    )
