"""The method contract, the part without torch: what a method is, how it is set, where it is found.

A method is a folder with ``info.py`` (its ``METHOD``), ``settings.toml`` and ``method.py`` (its
subclass of ``kit.base.method.Method``). Listing, planning and tables need ``info.py`` alone.

A variant of another method is a folder with ``settings.toml`` alone, whose table ``[method]`` says
what it ``extends`` and its ``title``; all else it has from there.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from kit import discovery, paths
from kit.errors import KitError, nearest, unknown
from kit.method import files
from kit.method.files import FACTS, MARKERS, SETTINGS
from kit.method.info import MethodInfo, MixtureRows

__all__ = ["MethodInfo", "MixtureRows", "broken", "find", "names"]


def names() -> list[str]:
    """Return the names of all methods found that can be used, sorted."""
    return list(discovery.sift(paths.methods(), MARKERS, find)[0])


def broken() -> list[str]:
    """Return a line for each method folder that cannot be used: its path and the reason."""
    return discovery.sift(paths.methods(), MARKERS, find)[1]


def find(name: str) -> MethodInfo:
    """Return the method of that name.

    Raises:
        KitError: there is none, near names are suggested; or its folder is broken.
    """
    return _find(str(name), tuple(paths.methods()))


@cache
def _find(name: str, roots: tuple[Path, ...], above: tuple[str, ...] = ()) -> MethodInfo:
    """Return the method of that name, which those ``above`` extend, one after the other."""
    folders = discovery.listing(roots, *MARKERS)
    if name not in folders:
        raise unknown("method", name, folders)
    folder, chain = folders[name], (*above, name)

    def below(extends: str, file: str) -> MethodInfo:
        known = set(folders) - set(chain)
        if extends not in known:
            raise KitError(
                f"{folder / file}: it extends {extends!r}, which is no other method"
                f"{nearest(extends, known)}"
            )
        return _find(extends, roots, chain)

    if not (folder / FACTS).exists():
        variant = files.variant(folder / SETTINGS)
        return _varied(below(variant.extends, SETTINGS), variant, name, folder)
    info = discovery.member(discovery.load("kit.methods", folder, "info"), "METHOD", MethodInfo)
    extended = below(info.extends, FACTS) if info.extends is not None else None
    return replace(info, folder=folder, below=extended)


def _varied(info: MethodInfo, variant: files.MethodVariant, name: str, folder: Path) -> MethodInfo:
    dims = info.dims if variant.dims is None else variant.dims
    if not dims or not set(dims) <= set(info.dims):
        raise KitError(
            f"{folder / SETTINGS}: method.dims is not among those of {info.name}, {list(info.dims)}"
        )
    return replace(
        info,
        name=name,
        title=variant.title,
        version=variant.version or info.version,
        dims=dims,
        extends=info.name,
        extended=None,
        folder=folder,
        below=info,
    )
