"""Tensors on disk: written whole or not at all, read without pickled code."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from kit.files import write_bytes


def save(path: Path, value: Any) -> None:
    """Write tensors in plain containers, atomically.

    Through memory, because torch's own writer reports a full disk as an internal error.

    Raises:
        OSError: the disk refused; whatever was at ``path`` is still there, whole.
    """
    buffer = io.BytesIO()
    torch.save(value, buffer)
    write_bytes(path, buffer.getvalue())


def load(path: Path, device: torch.device | str = "cpu") -> Any:
    """Read what ``save`` wrote."""
    return torch.load(path, map_location=device, weights_only=True)
