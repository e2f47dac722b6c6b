"""A trained model as files: weights, architecture, and a program that runs by torch alone."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kit import extras
from kit.data.folds import Fold
from kit.data.own.reading import stored
from kit.errors import KitError
from kit.export import inputs
from kit.export.loading import load_run
from kit.files import write_bytes, write_json
from kit.runs.folder import read_result
from kit.runs.names import RESULT
from kit.runs.records import Result
from kit.task import Kind, Task

PROGRAM, WEIGHTS, FACTS = "program.pt2", "weights.safetensors", "architecture.json"
ONNX, INPUT, OUTPUT = "model.onnx", "x", "answer"


class Program(nn.Module):
    """Raw inputs in, answers in the task's units out: normalisers and network in one."""

    def __init__(self, network: nn.Module, fold: Fold) -> None:
        super().__init__()
        self.network, self._fold = network, fold

    def forward(self, x: Tensor) -> Tensor:
        """(batch, *sample shape) -> logits (batch, outputs), or fields if the task is dense."""
        return self._fold.targets.decode(self.network(inputs.encode(x, self._fold)))


def export(run: Path, folder: Path, *, onnx: bool = False) -> list[Path]:
    """Write the model of a finished run: its weights, its architecture, its program.

    ``torch.export.load(program).module()(x)`` answers for raw inputs where torch is all there is.

    Args:
        run: its folder.
        folder: where to write.
        onnx: whether to write the program for ONNX runtimes, too.

    Raises:
        KitError: the run is not finished, its model is no network, or a package is missing.
    """
    try:
        from safetensors.torch import save
    except ModuleNotFoundError:
        raise KitError(f"kit export needs safetensors: {extras.install('export')}") from None
    the_method, context = load_run(run, "cpu")
    network = the_method.trained(context)
    if network is None:
        raise KitError(f"the model of {context.spec.method!r} is no network; use 'kit predict'")
    network.eval()
    fold = context.fold("test")
    sample = _sample(fold, context.task.sample_shape)
    with torch.no_grad():
        # What networks keep, such as tables of waves, must be of numbers: an exporter has none.
        Program(network, fold)(sample)
    try:
        program, shape = _program(network, fold, sample)
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise KitError(
            f"the model of {context.spec.method!r} cannot be written as a program: {reason}; use "
            "'kit predict'"
        ) from None
    facts = _facts(read_result(run / RESULT), context.task, fold, sample, shape)
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    paths = [folder / WEIGHTS, folder / FACTS, folder / PROGRAM]
    more = _onnx(network, fold, sample) if onnx else None
    write_bytes(paths[0], save(weights, metadata={"format": "pt", "run": context.spec.id}))
    write_json(paths[1], facts)
    write_bytes(paths[2], program)
    if more is not None:
        paths.append(folder / ONNX)
        write_bytes(paths[3], more)
    return paths


def _facts(
    result: Result, task: Task, fold: Fold, sample: Tensor, shape: tuple[int, ...]
) -> dict[str, Any]:
    """Return what ``architecture.json`` says of the model.

    Args:
        result: of its run.
        task: of its run.
        fold: whose normalisers the program has.
        sample: an input, (batch, *shape).
        shape: of one answer.
    """
    return {
        "spec": result.spec,
        "run": result.spec.id,
        "architecture": result.architecture,
        "parameters": result.parameters,
        "macs": result.macs,
        "metrics": result.metrics,
        "data": result.provenance.data,
        "torch": str(torch.__version__),
        "input": {
            "shape": ["batch", *sample.shape[1:]],
            "dtype": str(sample.dtype).removeprefix("torch."),
            "normalised": False,
        },
        # How a task of one's own makes an input of a file: its columns, axes, filled gaps.
        "reading": stored(task.folder),
        "normalisation": _normalisation(fold),
        "output": {
            "shape": ["batch", *shape],
            "kind": _kind(task.kind),
            "names": list(task.names),
        },
    }


def _onnx(network: nn.Module, fold: Fold, sample: Tensor) -> bytes:
    """Return the program as ONNX, inputs ``x`` and answers ``answer``, batches of any size."""
    if find_spec("onnx") is None or find_spec("onnxscript") is None:
        raise KitError(f"ONNX files need onnx and onnxscript: {extras.install('onnx')}")
    with _quiet():
        made = torch.onnx.export(
            Program(network, fold).eval(),
            (sample,),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
            dynamo=True,
            verbose=False,
        )
    assert made is not None
    content: bytes = made.model_proto.SerializeToString()
    return content


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch's exporter from telling of packages that it lacks, and of its own old names."""
    log = logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(before)


def _normalisation(fold: Fold) -> dict[str, Any] | None:
    """Return what the program does to inputs first: (x - mean) / std, by channel or position."""
    shift, scale = fold.inputs.shift, fold.inputs.scale
    if shift is None or scale is None:
        return None
    return {"mean": shift.squeeze().tolist(), "std": scale.squeeze().tolist()}


def _sample(fold: Fold, sample_shape: tuple[int, ...]) -> Tensor:
    """Return two zeros such as the program takes: raw, in the data's own type."""
    raw = fold.loader.take("x")(fold.addresses[:1, 0])
    channels, *spatial = sample_shape
    if fold.config.window:
        spatial = [fold.config.window] * len(spatial)
    return torch.zeros(
        2, channels, *spatial, dtype=torch.float32 if raw.is_floating_point() else raw.dtype
    )


def _program(network: nn.Module, fold: Fold, sample: Tensor) -> tuple[bytes, tuple[int, ...]]:
    """Return the program as torch writes it, and the shape of one answer."""
    batch = torch.export.Dim("batch", min=1)
    exported = torch.export.export(
        Program(network, fold), (sample,), dynamic_shapes=({0: batch},), strict=False
    )
    buffer = io.BytesIO()
    torch.export.save(exported, buffer)
    with torch.no_grad():
        shape = tuple(exported.module()(sample).shape[1:])
    return buffer.getvalue(), shape


def _kind(kind: Kind) -> str:
    """Return in words what the answers of a kind of task are."""
    words: dict[Kind, str] = {
        "point": "logits, softmax not applied",
        "multi-label": "logits, sigmoid not applied",
        "segmentation": "logits per position, softmax not applied",
        "regression": "numbers",
        "dense": "field",
    }
    return words[kind]
