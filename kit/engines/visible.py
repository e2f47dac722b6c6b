"""Which GPUs a user lets the kit have: ``--gpus``, ``KIT_GPU``, ``CUDA_VISIBLE_DEVICES``."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from kit.engines.devices import Gpu, gpus
from kit.errors import KitError

CUDA = "CUDA_VISIBLE_DEVICES"
# What Slurm, NVIDIA's containers and people write for none.
NONE = {"", "nodevfiles", "void", "none"}
UUID = re.compile(r"(GPU|MIG)-[0-9A-Za-z-]+")


def allowed(wanted: str | None = None) -> list[str] | None:
    """Return the UUIDs of the GPUs that may be used, None for any, an empty list for none.

    That is what ``wanted`` names, else ``KIT_GPU``, else ``CUDA_VISIBLE_DEVICES``, which is empty
    where somebody wants the GPUs to be left alone.

    Args:
        wanted: numbers in the driver's order (``0,1``, or ``0:1`` for a MIG device), or UUIDs or
            their beginnings. A UUID that NVML does not show (any more) is kept: whoever asks for it
            is told that it is gone.

    Raises:
        KitError: no GPU has such a number or name; of ``CUDA_VISIBLE_DEVICES``, which CUDA reads
            up to the first of these, none has.
    """
    for variable, words in (("--gpus", wanted), ("KIT_GPU", os.environ.get("KIT_GPU"))):
        if words:
            return [] if _hides(words) else _named(variable, words)
    words = os.environ.get(CUDA)
    if words is None:
        return None
    return [] if _hides(words) else _seen_by_cuda(words)


def _hides(words: str) -> bool:
    first = words.partition(",")[0].strip()
    return first.lower() in NONE or re.fullmatch(r"-\d+", first) is not None


def _named(variable: str, words: str) -> list[str]:
    known, found = gpus(), []
    for word in (each.strip() for each in words.split(",")):
        uuid = next((gpu.uuid for gpu in known if word in (gpu.number, gpu.old_name)), None)
        uuid = uuid or _by_uuid(word, known)
        if uuid is None:
            raise KitError(f"{variable}: no GPU {word!r}; there is {_listed(known)}")
        found.append(uuid)
    return list(dict.fromkeys(found))


def _seen_by_cuda(words: str) -> list[str]:
    """Return what CUDA sees: what is named before the first word that it cannot make out."""
    known, found = gpus(), []
    for word in (each.strip() for each in words.split(",")):
        # Of a GPU in MIG mode a number means the first part.
        numbers = (gpu.uuid for gpu in known if gpu.number.partition(":")[0] == word)
        names = (gpu.uuid for gpu in known if gpu.old_name == word)
        uuid = next(numbers, None) or next(names, None) or _by_uuid(word, known)
        if uuid is None:
            break
        found.append(uuid)
    if not found and (known or not words.partition(",")[0].strip().isdecimal()):
        raise KitError(
            f"{CUDA}={words!r} names no GPU; there is {_listed(known)}; unset it, or use "
            "--device cpu"
        )
    return list(dict.fromkeys(found))


def _by_uuid(word: str, known: Sequence[Gpu]) -> str | None:
    """Return the UUID that begins with a word; the word itself if it is a whole UUID not found."""
    begins = [gpu.uuid for gpu in known if gpu.uuid.startswith(word)]
    if begins and word.startswith(("GPU-", "MIG-")):
        return begins[0] if len(begins) == 1 else None
    return word if UUID.fullmatch(word) else None


def _listed(known: Sequence[Gpu]) -> str:
    return ", ".join(f"{gpu.number} ({gpu.uuid})" for gpu in known) or "none"
