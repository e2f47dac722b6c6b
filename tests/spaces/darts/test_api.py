"""The search of DARTS's space from Python, on one's own data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from kit import darts_search
from kit.errors import DivergedError
from kit.spaces.darts import Genotype, load_genotype

SMALL: dict[str, Any] = {"epochs": 2, "channels": 4, "layers": 3, "outputs": 3}


def batches(*shape: int, seed: int = 0) -> list[tuple[Tensor, Tensor]]:
    torch.manual_seed(seed)
    return [(torch.randn(4, *shape), torch.randint(3, (4,))) for _ in range(2)]


@pytest.mark.parametrize("shape", [(2, 9), (1, 8, 11)])
def test_any_shape_finds_a_network(shape: tuple[int, ...], tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    found = darts_search(
        batches(*shape),
        batches(*shape, seed=1),
        progress=lambda done, of, _: seen.append((done, of)),
        **SMALL,
    )
    assert len(found.losses) == 2
    assert seen == [(1, 2), (2, 2)]
    network = found.network(channels=4, layers=3)
    assert network(torch.randn(2, *shape)).shape == (2, 3)
    with pytest.raises(ValueError, match=r"^a network has layers and channels, not 0 and 36$"):
        found.network(layers=0)
    found.save(tmp_path / "cells.json")
    assert load_genotype(tmp_path / "cells.json") == found.genotype
    text = (tmp_path / "cells.json").read_text(encoding="utf-8")
    (tmp_path / "marked.json").write_text(text, encoding="utf-8-sig")
    assert load_genotype(tmp_path / "marked.json") == found.genotype
    assert Genotype.of(found.genotype.text()) == found.genotype


def test_answers_for_each_position() -> None:
    torch.manual_seed(0)
    data = [(torch.randn(2, 1, 7), torch.randn(2, 3, 7))]
    found = darts_search(data, data, dense=True, loss=F.mse_loss, **SMALL)
    assert found.network(channels=4, layers=2)(data[0][0]).shape == (2, 3, 7)


def test_an_interrupted_search_goes_on_to_the_same_result(tmp_path: Path) -> None:
    data, held_out, file = batches(1, 8), batches(1, 8, seed=1), tmp_path / "search.pt"

    def stop(done: int, *_: object) -> None:
        if done == 1:
            raise KeyboardInterrupt

    whole = darts_search(data, held_out, **SMALL)
    with pytest.raises(KeyboardInterrupt):
        darts_search(data, held_out, checkpoint=file, progress=stop, **SMALL)
    assert darts_search(data, held_out, checkpoint=file, **SMALL) == whole
    with pytest.raises(ValueError, match="of another search"):
        darts_search(data, held_out, checkpoint=file, **{**SMALL, "channels": 8})


def test_a_checkpoint_is_not_taken_for_another_search(tmp_path: Path) -> None:
    data, held_out, file = batches(1, 8), batches(1, 8, seed=1), tmp_path / "search.pt"
    found = darts_search(data, held_out, checkpoint=file, clip=5, **SMALL)
    with pytest.raises(ValueError, match=r"^\S+ is of 2 epochs, not 1; remove it to"):
        darts_search(data, held_out, checkpoint=file, **{**SMALL, "epochs": 1})
    for changes in ({"warm_start": 1}, {"loss": lambda *both: F.cross_entropy(*both)}):
        with pytest.raises(ValueError, match="of another search"):
            darts_search(data, held_out, checkpoint=file, **SMALL, **changes)
    for other in (batches(1, 9), [(x[:3], y[:3]) for x, y in data]):
        for pair in ((other, held_out), (data, other)):
            with pytest.raises(ValueError, match="of another search"):
                darts_search(*pair, checkpoint=file, **SMALL)
    # A fifth of two epochs is none.
    assert darts_search(data, held_out, checkpoint=file, warm_start=0, **SMALL) == found


def test_what_cannot_be_searched() -> None:
    data = batches(1, 8)
    nan = [data[0], (torch.cat([torch.full((1, 1, 8), torch.nan), data[1][0][1:]]), data[1][1])]
    with pytest.raises(ValueError, match=r"^the data hold .* none: 8 in x of batch 1$"):
        darts_search(nan, data, **SMALL)
    with pytest.raises(ValueError, match=r"^the held-out data hold .* none: 8 in x of batch 1$"):
        darts_search(data, nan, warm_start=1, **SMALL)
    with pytest.raises(DivergedError, match=r"^epoch 1: the loss is nan: it diverged"):
        darts_search(data, data, loss=lambda output, _: output.sum() * torch.nan, **SMALL)
    with pytest.raises(ValueError, match="at least one epoch, not 0"):
        darts_search(data, data, **{**SMALL, "epochs": 0})
    with pytest.raises(ValueError, match="divisible by 4"):
        darts_search(data, data, **{**SMALL, "channels": 6})
    with pytest.raises(ValueError, match="one or two sizes"):
        darts_search([(torch.randn(2, 3), data[0][1])], data, **SMALL)
    with pytest.raises(ValueError, match=r"batches \(x, y\)"):
        darts_search([], data, **SMALL)
    with pytest.raises(ValueError, match=r"batches \(x, y\)"):
        darts_search(data, iter([]), **SMALL)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"outputs": 0}, "^outputs are a whole number from 1 on, not 0$"),
        ({"outputs": "3"}, "^outputs are a whole number from 1 on, not '3'$"),
        ({"channels": 4.0}, r"^a network has layers and channels, not 3 and 4\.0$"),
        ({"layers": None}, "^a network has layers and channels, not None and 4$"),
        ({"warm_start": 0.5}, r"^warm_start is a whole number from 0 on, not 0\.5$"),
        ({"warm_start": -1}, "^warm_start is a whole number from 0 on, not -1$"),
        ({"warm_start": 2}, "^architectures learn after 2 epochs, and there are 2; make "),
        ({"learning_rate": 1e39}, r"^learning_rate is at most 3\.4e\+38, not 1e\+39$"),
        (
            {"architecture_learning_rate": 1e39},
            r"^architecture_learning_rate is at most 3\.4e\+38, not 1e\+39$",
        ),
        ({"checkpoint": 3}, "^checkpoint is a path, not 3$"),
        ({"clip": None}, "^clip is a number from 0 on, not None$"),
    ],
)
def test_arguments_that_are_wrong(changes: dict[str, Any], words: str) -> None:
    """They are refused before the data are read."""

    def unread() -> Iterator[tuple[Tensor, Tensor]]:
        raise AssertionError
        yield

    with pytest.raises(ValueError, match=words):
        darts_search(unread(), unread(), **{**SMALL, **changes})


def test_held_out_samples_go_through_the_same_network() -> None:
    data, y = batches(1, 8), torch.arange(3)
    for x, has in (
        (torch.randn(3, 2, 8), "2 channels, 1 sizes and torch.float32"),
        (torch.randn(3, 1, 8, 8), "1 channels, 2 sizes and torch.float32"),
        (torch.randn(3, 1, 8).double(), "1 channels, 1 sizes and torch.float64"),
        (torch.randn(3), "0 channels, 0 sizes and torch.float32"),
    ):
        with pytest.raises(ValueError, match=f"^held-out samples have {has}, and those of the"):
            darts_search(data, [(x, y)], **SMALL)
