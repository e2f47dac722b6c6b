"""Tensors on disk: written atomically, read without running pickled code."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from kit.errors import DataError
from kit.files import DAMAGE, write_bytes


def save(path: Path, value: Any) -> None:
    """Write tensors in plain containers, atomically.

    Through memory, because torch's own writer reports a full disk as an internal error.

    Raises:
        OSError: writing failed; a file that was at ``path`` is unchanged.
    """
    buffer = io.BytesIO()
    torch.save(value, buffer)
    write_bytes(path, buffer.getvalue())


def load(path: Path, device: torch.device | str = "cpu") -> Any:
    """Read what ``save`` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        DataError: it is damaged, or holds anything but tensors in plain containers.
    """
    try:
        # Through memory: for a cut file, torch's own reader says that an argument is invalid.
        content = io.BytesIO(path.read_bytes())
        return torch.load(content, map_location=device, weights_only=True)
    except pickle.UnpicklingError:
        # torch's own text is advice on how to load it all the same.
        raise DataError(f"{path} holds something other than tensors; it was not read") from None
    except DAMAGE as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise DataError(f"{path}: not a whole file of tensors ({reason})") from None
