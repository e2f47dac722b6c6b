"""GAEA PC-DARTS for your own problem: from batches of data to a genotype and its network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kit.errors import plain
from kit.files import check_plain, write_json
from kit.search import arguments, keeping, modules, wrappers
from kit.seeding import key
from kit.spaces.darts.bilevel import BilevelSearch
from kit.spaces.darts.genotype import Genotype, check, read
from kit.spaces.darts.network import DartsNetwork
from kit.spaces.darts.supernet import DartsSupernet


@dataclass(frozen=True)
class DartsArchitecture:
    """The result of a search.

    Attributes:
        genotype: the cells.
        inputs: channels of a sample.
        outputs: numbers that the network returns for a sample, or for each position if ``dense``.
        dims: spatial dimensions of a sample, 1 or 2.
        dense: whether the network returns outputs for each position.
        losses: mean training loss of each epoch of the search.
    """

    genotype: Genotype
    inputs: int
    outputs: int
    dims: int
    dense: bool = False
    losses: tuple[float, ...] = ()

    def network(self, channels: int = 36, layers: int = 20, **options: Any) -> DartsNetwork:
        """Return the network of the genotype with torch's initial weights, to be trained.

        Args:
            channels: channels of a node in the first cells.
            layers: number of cells.
            options: further arguments of ``kit.spaces.darts.DartsNetwork``.

        Raises:
            ValueError: ``channels`` or ``layers`` is not an integer of at least 1.
        """
        _check_size(channels, layers)
        return DartsNetwork(
            self.genotype,
            self.inputs,
            self.outputs,
            dims=self.dims,
            dense=self.dense,
            channels=channels,
            layers=layers,
            **options,
        )

    def save(self, file: Path | str) -> None:
        """Write the genotype as JSON; ``kit run TASK darts-gaea --architecture`` accepts it."""
        write_json(Path(file), {"dims": self.dims, **self.genotype.value()})


def load_genotype(file: Path | str) -> Genotype:
    """Read a file that ``save`` wrote, or one with a ``Genotype(...)`` as the papers' code prints.

    Raises:
        ValueError: the content is neither; the message names the place that is wrong.
    """
    check_plain(Path(file), ValueError)
    value = read(Path(file).read_text(encoding="utf-8-sig"))
    check(value)
    return Genotype.of(value)


def darts_search(
    data: keeping.Batches,
    held_out: keeping.Batches,
    *,
    outputs: int,
    dense: bool = False,
    loss: keeping.Loss = F.cross_entropy,
    epochs: int = 50,
    channels: int = 16,
    layers: int = 8,
    learning_rate: float = 0.1,
    architecture_learning_rate: float = 0.1,
    warm_start: int | None = None,
    clip: float = 5.0,
    seed: int = 0,
    device: torch.device | str = "cpu",
    checkpoint: Path | str | None = None,
    progress: Callable[[int, int, float], object] = lambda *_: None,
) -> DartsArchitecture:
    """Search cells for your own data by GAEA PC-DARTS (Li et al. 2021; Xu et al. 2020).

    The weights take a step on each batch of ``data``, by SGD with momentum 0.9, weight decay 3e-4
    and a learning rate with a cosine schedule. After each of these steps, the architecture
    parameters take a step of exponentiated gradient descent on a batch of ``held_out``.

    Args:
        data: batches (x, y) that can be iterated over once per epoch; x is
            (batch, channels, *sizes) with one or two sizes, in torch's default dtype.
        held_out: batches of samples that are not in ``data``. They are repeated as needed, and
            checked for NaN and infinity in a pass before the first epoch.
        outputs: classes, or numbers to predict; for each position if ``dense``.
        dense: whether the network returns outputs for each position; then no cell halves the map.
        loss: called with (the network's output, y); returns a scalar to be minimised.
        epochs: number of passes over ``data``.
        channels: channels of a node in the first cells; divisible by 4.
        layers: number of cells.
        learning_rate: initial learning rate of the weights.
        architecture_learning_rate: learning rate of the architecture parameters.
        warm_start: epochs in which only the weights are trained; None for a fifth of all, as in
            GAEA.
        clip: largest norm of all gradients of the weights together; 0 for no clipping.
        seed: decides initial weights and, if the data draw from torch's global generator, their
            order.
        device: where to search.
        checkpoint: file that is written after each epoch, from which the same call resumes after
            an interruption; None for no file.
        progress: called after each epoch with (epochs done, all epochs, mean loss of the epoch).

    Returns:
        The genotype of the strongest edges and operations, and the losses.

    Raises:
        DivergedError: a loss or a weight is not finite.
        ValueError: there are no epochs, or none after the warm start; the data do not fit each
            other or the network, or hold NaN or infinity; the loss is not a scalar with a gradient;
            the checkpoint is of another search; or another argument is out of range or of another
            type.
    """
    modules.check_functions(loss=loss, progress=progress)
    keeping.check_epochs(epochs)
    file = keeping.file_of(checkpoint)
    keeping.check_learning_rates(
        learning_rate=learning_rate,
        architecture_learning_rate=architecture_learning_rate,
    )
    keeping.check_rates(
        clip=clip,
    )
    _check_size(channels, layers)
    if not arguments.is_whole(outputs, 1):
        raise ValueError(f"outputs are a whole number from 1 on, not {plain(repr(outputs))}")
    with wrappers.refusing(f"device {plain(repr(device))} is none of torch:"):
        device = torch.device(device)
    start = _start(epochs, warm_start)
    with torch.random.fork_rng():
        # Sizes of samples may be random; with a seed, the same call gets the same ones.
        torch.manual_seed(key(seed, "first"))
        batch = keeping.first(data)
        held_out_batch = keeping.first(held_out)
    x, dims = batch[0], batch[0].dim() - 2
    _check_samples(x, held_out_batch[0])
    call = {
        "network": (outputs, bool(dense), channels, layers),
        "rates": [float(rate) for rate in (learning_rate, architecture_learning_rate, clip)],
        "warm start": start,
        "loss": keeping.name_of(loss),
        "data": keeping.shapes(batch) + keeping.shapes(held_out_batch),
        "seed": seed,
    }
    with torch.random.fork_rng():
        torch.manual_seed(key(seed, "supernet"))
        network = DartsSupernet(
            x.shape[1], outputs, dims=dims, dense=dense, channels=channels, layers=layers
        ).to(device)
        search = BilevelSearch(network, loss, learning_rate, architecture_learning_rate, clip)
        losses = keeping.resume(file, search.parts, call, epochs)
        if not losses:
            for _ in keeping.checked(held_out, "the held-out data"):
                pass
        for epoch in range(len(losses), epochs):
            torch.manual_seed(key(seed, "epoch", epoch))
            search.set_rate(epoch / epochs)
            batches = data if losses else keeping.checked(data)
            batch_losses = search.epoch(batches, held_out, device, learns=epoch >= start)
            losses.append(keeping.mean_loss(network, batch_losses, epoch))
            keeping.save(file, search.parts, losses, call)
            progress(epoch + 1, epochs, losses[-1])
    genotype = network.mixtures.genotype()
    return DartsArchitecture(genotype, x.shape[1], outputs, dims, dense, tuple(losses))


def _start(epochs: int, warm_start: int | None) -> int:
    """Return the epoch from which on the architecture learns; raise ValueError if there is none."""
    start = epochs // 5 if warm_start is None else warm_start
    if not arguments.is_whole(start, 0):
        raise ValueError(f"warm_start is a whole number from 0 on, not {plain(repr(start))}")
    if start >= epochs:
        raise ValueError(
            f"architectures learn after {start} epochs, and there are {epochs}; "
            "make warm_start smaller"
        )
    return start


def _check_samples(x: Tensor, held_out: Tensor) -> None:
    """Raise ValueError unless a network can take a batch of samples and a held-out one."""
    if x.dim() - 2 not in (1, 2):
        raise ValueError(f"samples are (channels, *sizes) with one or two sizes, not {x.shape[1:]}")
    if x.dtype != torch.get_default_dtype():
        raise ValueError(f"samples are of {torch.get_default_dtype()}, not of {x.dtype}")
    if (held_out_format := _format(held_out)) != _format(x):
        raise ValueError(
            f"held-out samples have {held_out_format}, and those of the data {_format(x)}"
        )


def _check_size(channels: int, layers: int) -> None:
    """Raise ValueError unless both numbers are integers of at least 1."""
    if not arguments.is_whole(layers, 1) or not arguments.is_whole(channels, 1):
        sizes = plain(f"{layers!r} and {channels!r}")
        raise ValueError(f"a network has layers and channels, not {sizes}")


def _format(x: Tensor) -> str:
    """Return in words what all samples of a network share: channels, number of sizes, dtype."""
    channels = x.shape[1] if x.dim() > 1 else 0
    return f"{channels} channels, {max(0, x.dim() - 2)} sizes and {x.dtype}"
