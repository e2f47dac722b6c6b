"""DASH for your own problem: from a torch module and batches of data to an architecture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.files import check_plain, write_json
from kit.search import keeping, modules, searchable, wrappers
from kit.search.architecture import Choices, Padding, check_choices, instantiate
from kit.search.gradients import AlphaGradients
from kit.search.kernel_dilation import KernelDilation
from kit.search.searchable import EXCLUDED
from kit.search.steps import MixtureSearch
from kit.search.supernets import check_temperature, discretise, mixtures, supernet
from kit.seeding import key


@dataclass(frozen=True)
class Architecture:
    """The result of a search: the kernel size and dilation of each searched layer.

    Attributes:
        choices: layer name -> (kernel size, dilation).
        losses: mean training loss of each epoch of the search; empty after ``load``.
    """

    choices: Choices
    losses: tuple[float, ...] = ()

    def apply(self, model: nn.Module, padding: Padding = "centred") -> nn.Module:
        """Return a copy of a model with these kernel sizes and dilations.

        The searched layers get torch's initial weights, and all other layers keep the model's.

        Args:
            model: a network with the names of the searched one; its layers may have other numbers
                of channels. It is not changed.
            padding: ``centred``, or ``causal`` for 1D networks.

        Raises:
            ValueError: the model has no convolution of one of the names, or it cannot be replaced.
        """
        return instantiate(model, self.choices, padding)

    def save(self, file: Path | str) -> None:
        """Write the choices as JSON, ``[[layer, kernel size, dilation], ...]``.

        Raises:
            ValueError: there are no choices, or one is invalid, so that ``load`` would refuse it.
        """
        if not self.choices:
            raise ValueError("the architecture has no layers to save")
        check_choices(self.choices)
        # NumPy's integers cannot be written as JSON.
        value = [
            [name, *(int(each) if isinstance(each, Integral) else each for each in pair)]
            for name, pair in self.choices.items()
        ]
        KernelDilation().check(value)
        write_json(Path(file), value)

    @classmethod
    def load(cls, file: Path | str) -> Architecture:
        """Read a file that ``save`` wrote; ``kit run --architecture`` accepts such files, too.

        Raises:
            ValueError: the content is invalid; the message names the layer that is wrong.
        """
        check_plain(Path(file), ValueError)
        kind = KernelDilation()
        value = kind.read(Path(file).read_text(encoding="utf-8-sig"))
        kind.check(value)
        return cls({name: (k, d) for name, k, d in value})


def dash_search(
    model: nn.Module,
    data: Iterable[tuple[Tensor, Tensor]],
    *,
    loss: keeping.Loss = F.cross_entropy,
    kernel_sizes: Iterable[int] = (3, 5, 7, 9),
    dilations: Iterable[int] = (1, 3, 7, 15),
    include: Sequence[str] = ("*",),
    exclude: Sequence[str] = EXCLUDED,
    epochs: int = 20,
    learning_rate: float = 0.01,
    alpha_learning_rate: float = 0.05,
    gradient_scale: float = 1.0,
    penalty: float = 1e-5,
    clip: float = 1.0,
    separable: bool = False,
    gumbel: bool = True,
    temperature: float = 1.0,
    seed: int = 0,
    checkpoint: Path | str | None = None,
    progress: Callable[[int, int, float], object] = lambda *_: None,
) -> Architecture:
    """Search the kernel size and dilation of a model's convolutions by DASH.

    Weights and architecture parameters (alphas) are trained together on every batch (section 3 of
    the paper), by SGD with Nesterov momentum 0.9 and weight decay 5e-4; both learning rates fall to
    a fifth after three fifths of the epochs (A.5.2). Parameters without ``requires_grad`` are not
    trained, and modules with only such parameters, such as frozen batch norms, run in evaluation
    mode. A searched layer is trained whether it was frozen or not.

    Args:
        model: its ``Conv1d`` and ``Conv2d`` layers must keep the size of their input or divide it
            by a stride that is the same for all axes. The model is not changed.
        data: batches (x, y) that can be iterated over once per epoch, such as a ``DataLoader`` or
            a list.
        loss: called with (the model's output, y); returns a scalar to be minimised.
        kernel_sizes: the candidates' kernel sizes K; they must be odd.
        dilations: the candidates' dilations D; each is combined with each kernel size.
        include: patterns of the names of layers to search: a word that occurs in the name, or with
            ``*``, ``?`` or ``[]`` a match of the whole name. Convolutions of size 1, which mix
            channels, are searched only where a pattern other than ``*`` includes them.
        exclude: patterns of the names of layers not to search.
        epochs: number of passes over ``data``.
        learning_rate: initial rate of the weights; the paper uses 0.1 and, for dense tasks, 0.01.
        alpha_learning_rate: initial rate of the alphas; the paper uses half of the weights' rate.
        gradient_scale: the gradient of each layer's alphas is scaled to the norm
            1 / ``gradient_scale``; 0 for no scaling. The released code uses 100, which suits its
            thousands of steps.
        penalty: this number times a candidate's receptive field, in positions, is added to the
            gradient of its alpha.
        clip: largest norm of all gradients together; 0 for no clipping.
        separable: search layers that have as many outputs as inputs as depthwise convolutions,
            which is cheaper.
        gumbel: add Gumbel noise to the alphas at every forward pass.
        temperature: divides the alphas before the softmax; lower is sharper.
        seed: decides initial weights, noise and, if ``data`` draw from torch's global generator,
            the order of the data.
        checkpoint: file that is written after each epoch, from which the same call resumes after
            an interruption; None for no file.
        progress: called after each epoch with (epochs done, all epochs, mean loss of the epoch).

    Returns:
        For each searched layer the kernel size and dilation of the largest alpha, and the losses.

    Raises:
        DivergedError: a loss or a weight is not finite.
        ValueError: no layer can be searched; a layer to search changes sizes, pads other than with
            zeros, shares its weight, has forward hooks or an unknown parametrisation; the data do
            not fit the model or hold NaN or infinity; the loss is not a scalar with a gradient; the
            checkpoint is of another search; the model cannot be copied, has no weights (meta
            device) or is in float16 or bfloat16; or another argument is out of range or of
            another type.
    """
    modules.check_module(model)
    modules.check_functions(loss=loss, progress=progress)
    kernel_sizes = searchable.sizes("kernel sizes", kernel_sizes)
    dilations = searchable.sizes("dilations", dilations)
    if even := [size for size in kernel_sizes if size % 2 == 0]:
        raise ValueError(f"kernel sizes must be odd to be centred, not {even[0]}")
    check_temperature(temperature)
    keeping.check_epochs(epochs)
    file = keeping.file_of(checkpoint)
    keeping.check_learning_rates(
        learning_rate=learning_rate,
        alpha_learning_rate=alpha_learning_rate,
    )
    keeping.check_rates(
        gradient_scale=gradient_scale,
        penalty=penalty,
        clip=clip,
    )
    # A checkpoint must be of the same call: tensors of the same shapes could belong to a search
    # with other candidates.
    call: dict[str, Any] = {
        "kernel sizes": list(kernel_sizes),
        "dilations": list(dilations),
        "rates": [
            float(rate)
            for rate in (learning_rate, alpha_learning_rate, gradient_scale, penalty, clip)
        ],
        "mixtures": (bool(separable), bool(gumbel), float(temperature)),
        "model": type(wrappers.unwrapped(model)).__qualname__,
        "loss": keeping.name_of(loss),
        "seed": seed,
    }
    device = next((weight.device for weight in model.parameters()), torch.device("cpu"))
    if device.type == "meta":
        raise ValueError("the model is on the meta device, without weights; build it on another")
    with torch.random.fork_rng():
        torch.manual_seed(key(seed, "supernet"))
        batch = keeping.first(data)
        network = supernet(
            model,
            batch[0][:1].to(device),
            kernel_sizes,
            dilations,
            separable=separable,
            include=include,
            exclude=exclude,
            pointwise=False,
            gumbel=gumbel,
            temperature=temperature,
        )
        gradients = AlphaGradients(
            mixtures(network).values(), scale=gradient_scale, penalty=penalty, field="extent"
        )
        search = MixtureSearch(network, loss, gradients, learning_rate, alpha_learning_rate, clip)
        call["data"] = keeping.shapes(batch)
        losses = keeping.resume(file, search.parts, call, epochs)
        for epoch in range(len(losses), epochs):
            torch.manual_seed(key(seed, "epoch", epoch))
            search.set_rate(epoch, epochs)
            batch_losses = search.epoch(keeping.checked(data) if epoch == 0 else data, device)
            losses.append(keeping.mean_loss(network, batch_losses, epoch))
            keeping.save(file, search.parts, losses, call)
            progress(epoch + 1, epochs, losses[-1])
    return Architecture(discretise(network), tuple(losses))
