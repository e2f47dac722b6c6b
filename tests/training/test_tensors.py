from __future__ import annotations

from pathlib import Path

import pytest
import torch

from kit.errors import DataError
from kit.training import tensors


def test_a_file_cut_anywhere_is_told_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    value = {"a": torch.arange(1000.0), "b": torch.ones(3, 2)}
    tensors.save(file, value)
    content = file.read_bytes()
    torch.testing.assert_close(tensors.load(file), value)
    for length in range(0, len(content), 97):
        file.write_bytes(content[:length])
        with pytest.raises(DataError, match=r"weights\.pt: not a whole file of tensors|not read"):
            tensors.load(file)
    file.unlink()
    with pytest.raises(FileNotFoundError):
        tensors.load(file)
