"""A pretended GPU: its tensors are in the CPU's memory, and say that they are elsewhere.

What runs on it shows two things that a CPU hides: an operation on tensors of both devices, which
CUDA refuses, and every copy or question for which the CPU would wait for a GPU. It does not show
whether CUDA's own operations are right.

The device is ``meta`` with an index, since torch takes backward passes of that kind of device in
the calling thread; tensors that are really on ``meta`` have none.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from kit import paths

GPU = torch.device("meta", 1)
COPIES = ("copy_", "_to_copy")
# What asks for values, or whose result has a size that depends on them.
ASKING = ("_local_scalar_dense", "nonzero", "masked_select", "equal", "_unique2")
INDEXING = ("index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index")
IN_SHAPE_ALONE = ("squeeze_", "unsqueeze_", "t_", "transpose_")


@dataclass(frozen=True)
class Wait:
    """A point at which the CPU would wait for the GPU.

    Attributes:
        what: the operation.
        where: ``file:line`` of the innermost line of the kit.
        functions: names of all functions on the stack.
    """

    what: str
    where: str
    functions: frozenset[str]


class OnGpu(Tensor):
    """A tensor on the pretended GPU; ``raw`` has its values, on the CPU."""

    raw: Tensor
    is_meta = property(lambda self: False)
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls: type[OnGpu], raw: Tensor) -> OnGpu:
        return torch.Tensor._make_wrapper_subclass(
            cls,
            raw.size(),
            strides=raw.stride(),
            storage_offset=raw.storage_offset(),
            dtype=raw.dtype,
            device=GPU,
        )

    def __init__(self, raw: Tensor) -> None:
        self.raw = raw

    def tolist(self) -> Any:
        note("tolist")
        return self.raw.tolist()

    def new_tensor(self, *args: Any, **kwargs: Any) -> Tensor:
        note("new_tensor")
        return OnGpu(self.raw.new_tensor(*args, **kwargs))

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return compute(operation, args, kwargs or {})


WAITS: list[Wait] = []


def note(what: str) -> None:
    """Note that the CPU waits."""
    frames = traceback.extract_stack()
    of_kit = [each for each in frames if Path(each.filename).is_relative_to(paths.PACKAGE)]
    where = f"{of_kit[-1].filename}:{of_kit[-1].lineno}" if of_kit else ""
    WAITS.append(Wait(what, where, frozenset(each.name for each in frames)))


def compute(operation: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Compute an operation on the CPU, with the result where a GPU would have it."""
    name = operation.overloadpacket.__name__
    tensors = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
    here = [each for each in tensors if isinstance(each, OnGpu)]
    target = kwargs.get("device")
    onto_gpu = bool(here) if target is None else torch.device(target) == GPU
    if name == "copy_":
        onto_gpu = isinstance(args[0], OnGpu)
    elif here:
        _check_devices(name, args[0], tensors)
    if name in COPIES and tensors and onto_gpu != isinstance(tensors[-1], OnGpu):
        note(name)
    if here and name in ASKING:
        note(name)
    if onto_gpu and target is not None:
        kwargs = {**kwargs, "device": "cpu"}
    if here and name in IN_SHAPE_ALONE:
        with torch._C._DisableTorchDispatch():
            operation(*args, **kwargs)
    found = operation(*tree_map(_values, args), **tree_map(_values, kwargs))
    known = {id(each.raw): each for each in here}

    def placed(result: Any) -> Any:
        if not isinstance(result, Tensor):
            return result
        # Conjugates that are not computed yet are a matter of layers above this one.
        whole = result.resolve_conj().resolve_neg()
        return known[id(result)] if id(result) in known else OnGpu(whole)

    return tree_map(placed, found) if onto_gpu else found


def _check_devices(name: str, first: Any, tensors: list[Tensor]) -> None:
    """Refuse what CUDA refuses: tensors of the CPU beside those of a GPU, but for numbers."""
    for each in tensors:
        if isinstance(each, OnGpu):
            if name in INDEXING and each is not first and each.dtype == torch.bool:
                note("index by a mask")
        elif name in INDEXING and each is not first:
            note("index from the CPU")
        elif each.ndim or name in ("mm", "bmm", "addmm", "index_select"):
            shape = tuple(each.shape)
            raise RuntimeError(f"{name}: a tensor {shape} of the CPU beside one of the GPU")


def _values(each: Any) -> Any:
    return each.raw if isinstance(each, OnGpu) else each


class _Everywhere(TorchDispatchMode):
    """Also operations without tensors, which make new ones."""

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return compute(operation, args, kwargs or {})


@contextmanager
def pretended_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Wait]]:
    """Have the device `GPU`; yield the waits, to which more come as they happen."""
    autocast, enabled, tensor, load = (
        torch.autocast,
        torch.is_autocast_enabled,
        torch.tensor,
        torch.load,
    )

    def on_cpu(device: str) -> str:
        return "cpu" if device == GPU.type else device

    class Autocast(autocast):  # type: ignore[misc, valid-type]
        def __init__(self, device_type: str, *args: Any, **kwargs: Any) -> None:
            super().__init__(on_cpu(device_type), *args, **kwargs)

    def moved(make: Any, place: str) -> Any:
        """Return a function that torch runs beside all modes, as one that copies its result."""

        def function(first: Any, *args: Any, **kwargs: Any) -> Any:
            if kwargs.get(place) != GPU:
                return make(first, *args, **kwargs)
            found = make(first, *args, **{**kwargs, place: "cpu"})
            return tree_map(lambda each: each.to(GPU) if isinstance(each, Tensor) else each, found)

        return function

    monkeypatch.setattr(torch, "autocast", Autocast)
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda device: enabled(on_cpu(device)))
    monkeypatch.setattr(torch, "tensor", moved(tensor, "device"))
    monkeypatch.setattr(torch, "load", moved(load, "map_location"))
    WAITS.clear()
    with _Everywhere():
        yield WAITS
