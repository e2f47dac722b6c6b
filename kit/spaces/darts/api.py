"""GAEA PC-DARTS for one's own problem: batches in, a genotype and its network out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.files import write_json
from kit.search import ExponentiatedGradient, arguments, keeping
from kit.seeding import key
from kit.spaces.darts.genotype import Genotype, check, read
from kit.spaces.darts.network import DartsNetwork
from kit.spaces.darts.supernet import DartsSupernet

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class DartsArchitecture:
    """What a search found.

    Attributes:
        genotype: the cells.
        inputs: channels of a sample.
        outputs: of the network.
        dims: spatial dimensions of a sample.
        dense: whether there is an answer for each position.
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
            channels: of a node in the first cells.
            layers: cells.
            options: further arguments of ``kit.spaces.darts.DartsNetwork``.

        Raises:
            ValueError: there are no cells or no channels.
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
        """Write the genotype as JSON; ``kit run TASK darts-gaea --architecture`` takes it."""
        write_json(Path(file), {"dims": self.dims, **self.genotype.value()})


def load_genotype(file: Path | str) -> Genotype:
    """Read what ``save`` wrote, or a genotype in the originals' text form.

    Raises:
        ValueError: it is something else; the line names the place that is wrong.
    """
    value = read(Path(file).read_text(encoding="utf-8-sig"))
    check(value)
    return Genotype.of(value)


def darts_search(
    data: keeping.Batches,
    held_out: keeping.Batches,
    *,
    outputs: int,
    dense: bool = False,
    loss: Loss = F.cross_entropy,
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
    """Search cells for one's own data by GAEA PC-DARTS (Li et al. 2021; Xu et al. 2020).

    After each step of the weights on a batch of ``data``, by SGD with momentum 0.9, weight decay
    3e-4 and a rate that falls along a cosine, the mixtures take a step of exponentiated gradients
    on a batch of ``held_out``.

    Args:
        data: batches (x, y), gone through once per epoch; x is (batch, channels, *sizes), 1D or 2D.
        held_out: batches of samples that ``data`` has not; begun anew when they end, and gone
            through once before the first epoch, to see that their numbers are such.
        outputs: classes, or numbers to predict; for each position if ``dense``.
        dense: there is an answer for each position; no cell halves the map then.
        loss: called with (the network's output, y); returns a scalar, lower is better.
        epochs: how often the search goes through ``data``.
        channels: of a node in the first cells; divisible by 4.
        layers: cells.
        learning_rate: of the weights, at the start.
        architecture_learning_rate: of the mixtures.
        warm_start: epochs in which the weights learn alone; None for a fifth, as GAEA has it.
        clip: norm to which the weights' gradients together are clipped; 0 for none.
        seed: of weights and, where it draws from torch's generator, the order of the data.
        device: where to search.
        checkpoint: a file; after an interruption the same call goes on at the epoch where it was.
        progress: called after each epoch with (epochs done, epochs, mean loss).

    Raises:
        DivergedError: a loss or a weight is not finite.
        ValueError: there are no epochs, or none in which the architecture learns; or the data do
            not fit, or hold NaN.
    """
    keeping.check_epochs(epochs)
    keeping.check_rates(
        learning_rate=learning_rate,
        architecture_learning_rate=architecture_learning_rate,
        clip=clip,
    )
    _check_size(channels, layers)
    if not arguments.is_whole(outputs, 1):
        raise ValueError(f"outputs are a whole number from 1 on, not {outputs!r}")
    start = epochs // 5 if warm_start is None else warm_start
    if not arguments.is_whole(start, 0):
        raise ValueError(f"warm_start is a whole number from 0 on, not {start!r}")
    with torch.random.fork_rng():
        # Shapes may be drawn; the same call is to find the same ones.
        torch.manual_seed(key(seed, "first"))
        batch = keeping.first(data)
        other = keeping.first(held_out)
    x, _ = batch
    dims = x.dim() - 2
    if dims not in (1, 2):
        raise ValueError(f"samples are (channels, *sizes) with one or two sizes, not {x.shape[1:]}")
    if x.dtype != torch.get_default_dtype():
        raise ValueError(f"samples are of {torch.get_default_dtype()}, not of {x.dtype}")
    if (like := _like(other[0])) != _like(x):
        raise ValueError(f"held-out samples have {like}, and those of the data {_like(x)}")
    call = {
        "network": (outputs, bool(dense), channels, layers),
        "rates": [float(rate) for rate in (learning_rate, architecture_learning_rate, clip)],
        "warm start": start,
        "loss": keeping.name_of(loss),
        "data": keeping.shapes(batch) + keeping.shapes(other),
        "seed": seed,
    }
    with torch.random.fork_rng():
        torch.manual_seed(key(seed, "supernet"))
        network = DartsSupernet(
            x.shape[1], outputs, dims=dims, dense=dense, channels=channels, layers=layers
        ).to(device)
        search = _Search(network, loss, learning_rate, architecture_learning_rate, clip)
        file = None if checkpoint is None else Path(checkpoint)
        losses = keeping.resume(file, search.parts, call, epochs)
        if not losses:
            for _ in keeping.checked(held_out, "the held-out data"):
                pass
        if start >= epochs:
            raise ValueError(
                f"architectures learn after {start} epochs, and there are {epochs}; "
                "make warm_start smaller"
            )
        for epoch in range(len(losses), epochs):
            torch.manual_seed(key(seed, "epoch", epoch))
            search.set_rate(epoch / epochs)
            batches = data if losses else keeping.checked(data)
            found = search.epoch(batches, held_out, device, learns=epoch >= start)
            losses.append(keeping.mean_loss(network, found, epoch))
            keeping.save(file, search.parts, losses, call)
            progress(epoch + 1, epochs, losses[-1])
    genotype = network.mixtures.genotype()
    return DartsArchitecture(genotype, x.shape[1], outputs, dims, dense, tuple(losses))


def _check_size(channels: int, layers: int) -> None:
    if not arguments.is_whole(layers, 1) or not arguments.is_whole(channels, 1):
        raise ValueError(f"a network has layers and channels, not {layers!r} and {channels!r}")


def _like(x: Tensor) -> str:
    """Return what samples of one network have in common: channels, number of sizes, type."""
    channels = x.shape[1] if x.dim() > 1 else 0
    return f"{channels} channels, {max(0, x.dim() - 2)} sizes and {x.dtype}"


class _Search:
    """A supernet with the two optimisers that train it in turn."""

    def __init__(
        self, network: DartsSupernet, loss: Loss, rate: float, mixtures_rate: float, clip: float
    ) -> None:
        self.network, self.loss, self.rate, self.clip = network, loss, rate, clip
        self.weights = network.weights()
        self.mixtures = list(network.mixtures.parameters())
        self.sgd = torch.optim.SGD(self.weights, rate, momentum=0.9, weight_decay=3e-4)
        groups = [
            {"params": list(network.mixtures.alphas.values())},
            {
                "params": list(network.mixtures.betas.values()),
                "parts": list(network.mixtures.parts),
            },
        ]
        self.exponentiated = ExponentiatedGradient(groups, mixtures_rate, 1e-5)
        self.parts: dict[str, keeping.Kept] = {
            "network": network,
            "optimiser": self.sgd,
            "architecture-optimiser": self.exponentiated,
        }

    def set_rate(self, done: float) -> None:
        """Set the weights' rate for when such a share of the epochs is done."""
        cosine = float(torch.tensor(torch.pi * done).cos())
        for group in self.sgd.param_groups:
            group["lr"] = self.rate * (1 + cosine) / 2

    def epoch(
        self,
        data: keeping.Batches,
        held_out: keeping.Batches,
        device: torch.device | str,
        *,
        learns: bool,
    ) -> list[Tensor]:
        """Return the losses of the weights' steps; the mixtures step too where they learn."""
        self.network.train()
        others, losses = _endless(held_out), []
        for x, y in data:
            losses.append(self._gradients(self.weights, x.to(device), y.to(device)))
            if self.clip:
                nn.utils.clip_grad_norm_(self.weights, self.clip)
            self.sgd.step()
            if learns:
                x, y = next(others)
                self._gradients(self.mixtures, x.to(device), y.to(device))
                self.exponentiated.step()
        return losses

    def _gradients(self, parameters: list[nn.Parameter], x: Tensor, y: Tensor) -> Tensor:
        """Give gradients to some parameters, and none to others; return the loss."""
        chosen = {id(each) for each in parameters}
        for each in self.network.parameters():
            each.requires_grad_(id(each) in chosen)
            each.grad = None
        return keeping.descend(self.loss(self.network(x), y))


def _endless(data: keeping.Batches) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches, and begin anew when they end."""
    while True:
        some = False
        for pair in data:
            some = True
            yield pair
        if not some:
            raise ValueError("the data are empty, or can be gone through only once")
