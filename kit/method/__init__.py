"""The method contract, the part without torch: what a method is and how it is set.

A method is a folder with ``info.py`` (its ``METHOD``), ``settings.toml`` and ``method.py`` (its
subclass of ``kit.base.method.Method``). Listing, planning and tables need ``info.py`` alone.

A variant of another method is a folder with ``settings.toml`` alone, whose table ``[method]`` says
what it ``extends`` and its ``title``; all else it has from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec

from kit import discovery, extras, paths
from kit.architecture import ArchitectureKind, load
from kit.errors import KitError, nearest, unknown
from kit.method import files
from kit.method.files import FACTS, MARKERS, SETTINGS
from kit.settings import DataConfig, Settings, apply_overrides, convert, merge, resolve, toml
from kit.settings.losses import check_losses
from kit.spec import PROFILES, PROTOCOLS, TIERS, Profile, Protocol, RunSpec, Tier
from kit.task import Task

# Stands for the architecture that a method's authors released.
RELEASED = "released"


@dataclass(frozen=True)
class MixtureRows:
    """What the rows of one entry in a search's history weigh; rows are logits.

    Attributes:
        key: of the entry: ``alpha``.
        candidates: what the numbers of a row stand for; shorter rows have the first of them.
        names: of the rows; none where the result of the search names them.
    """

    key: str
    candidates: tuple[str, ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MethodInfo:
    """The facts of one method. A method that needs more than these subclasses this.

    Attributes:
        name: with hyphens; the folder has underscores.
        version: to be raised whenever its results change.
        stages: in order; each can be resumed.
        settings_type: the struct that its ``settings.toml`` must fill.
        gpus: how many it needs.
        light: whether it takes minutes on a CPU at any size.
        dims: the spatial axes that it can take.
        extends: the method whose ``settings.toml`` lies below its own, if any; its ``method.py`` is
            used, too, where this method has none.
        extended: names of the top-level settings that are taken from it; None for all.
        tuned: settings of the extended method that a search sets here, each with the setting that
            holds its candidates; they cannot be overridden by ``-o``.
        package: a package that it needs and that the kit's extra of the same name installs, if any.
        architecture: the kind of architecture that it searches for; None if it searches none.
    """

    name: str
    title: str
    version: int
    stages: tuple[str, ...]
    settings_type: type[Settings]
    gpus: int = 1
    light: bool = False
    dims: tuple[int, ...] = (1, 2)
    extends: str | None = None
    extended: tuple[str, ...] | None = None
    tuned: Mapping[str, str] = field(default_factory=dict)
    package: str | None = None
    architecture: ArchitectureKind | None = None
    folder: Path = Path()

    def applies(self, task: Task) -> str | None:
        """Return None if the method can take the task, else the reason why not."""
        if task.dims not in self.dims:
            return f"it is for {self.dims[0]}D data, and this task is {task.dims}D"
        return None

    def check_stage(self, name: str | None) -> None:
        """Check that there is a stage of that name; None is none in particular.

        Raises:
            KitError: there is not.
        """
        if name is not None and name not in self.stages:
            raise KitError(f"{self.name} has the stages {', '.join(self.stages)}, no {name!r}")

    def missing(self) -> str | None:
        """Return what to install before it can run here, or None."""
        if self.package is None or find_spec(self.package) is not None:
            return None
        return f"method {self.name} needs {self.package}: {extras.install(self.package)}"

    def mixtures(self, settings: Mapping[str, Any]) -> tuple[MixtureRows, ...]:
        """Return what the history of a search has of its mixtures, the operations' first.

        Args:
            settings: of a run, as its spec has them.
        """
        del settings
        return ()

    def inputs(self, spec: RunSpec) -> Mapping[str, RunSpec]:
        """Return the runs whose results this run reads, by name."""
        del spec
        return {}

    def settings(
        self,
        task: Task,
        protocol: Protocol,
        profile: Profile,
        tier: Tier,
        overrides: Sequence[str] = (),
    ) -> Settings:
        """Return the resolved settings: the task's rules, the method's layers, ``-o`` last.

        Raises:
            KitError: an unknown key, a wrong value, or one that the task's samples forbid.
        """
        for what, word, words in (
            ("protocol", protocol, PROTOCOLS),
            ("profile", profile, PROFILES),
            ("tier", tier, TIERS),
        ):
            if word not in words:
                raise unknown(what, str(word), words)
        if isinstance(overrides, str):  # whose letters would be taken for overrides
            raise KitError(f"overrides are a list of texts, such as [{overrides!r}]")
        file = self.folder / SETTINGS
        facts = {
            "dims": str(task.dims),
            "kind": task.kind,
            "task": task.name,
            "protocol": protocol,
            "profile": profile,
            "tier": tier,
            "recipe": self._recipe(overrides),
        }
        rules = merge(task.rules, task.reduced.get(profile, {}))
        values = merge({"data": rules}, self._layers(facts))
        settings = convert(values, self.settings_type, f"{file.parent.name}/{file.name}")
        if overrides:
            before = settings
            values = apply_overrides(values, overrides, self.settings_type)
            settings = convert(values, self.settings_type, "-o")
            _check_roles(overrides, settings)
            _check_windows(task.name, before.data, settings.data)
            _check_constants(before.data, settings.data)
            for name, drawn_from in self.tuned.items():
                if attrgetter(name)(settings) != attrgetter(name)(before):
                    raise KitError(f"-o {name}: {self.name} draws it; change {drawn_from}")
        settings.check(task.sample_shape, task.outputs, task.dense)
        check_losses(settings, task.name, task.loss)
        return settings

    def _layers(self, facts: Mapping[str, str]) -> dict[str, Any]:
        own = resolve(self._document, facts)
        if self.extends is None:
            return own
        below = find(self.extends)._layers(facts)
        if self.extended is not None:
            below = {name: value for name, value in below.items() if name in self.extended}
        return merge(below, own)

    def _recipe(self, overrides: Sequence[str]) -> str:
        """Return the recipe that the overrides ask for, or an empty string."""
        pairs = (override.partition("=") for override in overrides)
        asked = [value.strip().strip("\"'") for key, _, value in pairs if key.strip() == "recipe"]
        if asked and asked[-1] not in self._recipes:
            raise unknown("recipe", asked[-1], self._recipes)
        return asked[-1] if asked else ""

    @property
    def _recipes(self) -> set[str]:
        below = find(self.extends)._recipes if self.extends else set()
        return below | set(self._document.get("recipe", {}))

    @property
    def _document(self) -> Mapping[str, Any]:
        return files.layers(self.folder)

    @property
    def folders(self) -> list[Path]:
        """Its folder, then those of the methods that it extends, one after the other."""
        return [self.folder, *(find(self.extends).folders if self.extends else [])]

    def released(self, task: str) -> dict[int, Path]:
        """Return the files of the architectures on a task that the authors released, by seed.

        They are ``architectures/TASK/seed-N.json`` in the method's folder; the suffix is free.
        """
        found = (self.folder / "architectures" / task).glob("seed-*.*")
        numbers = ((file.stem.removeprefix("seed-"), file) for file in sorted(found))
        return {int(number): file for number, file in numbers if number.isdecimal()}

    def unseeded(self, task: str) -> list[Path]:
        """Return the files of released architectures on a task that belong to no seed."""
        folder = self.folder / "architectures" / task
        return sorted({*folder.glob("*.*")} - {*self.released(task).values()})

    def with_architecture(self, file: str, task: str, seed: int) -> str:
        """Return the override that gives a run an architecture in place of its search.

        The word ``released`` stands for the file that the authors released for the task and seed.

        Raises:
            KitError: the method searches nothing, or there is no such file, or no such thing in it.
        """
        kind = self.architecture
        if kind is None or "architecture" not in self.settings_type.__struct_fields__:
            raise KitError(f"method {self.name} searches nothing: it takes no --architecture")
        path = Path(file)
        if file == RELEASED:
            known = self.released(task)
            if seed not in known:
                hint = "see 'kit list architectures'"
                if known:
                    hint = f"there are seeds {', '.join(map(str, sorted(known)))}"
                elif files := self.unseeded(task):
                    hint = f"these are of no seed: --architecture {' or '.join(map(str, files))}"
                raise KitError(
                    f"method {self.name} has no released architecture for {task}, seed {seed}; "
                    + hint
                )
            path = known[seed]
        return f"architecture={toml(kind.setting(load(path, kind)))}"

    def spec(
        self,
        task: Task,
        seed: int,
        *,
        protocol: Protocol,
        profile: Profile,
        tier: Tier,
        overrides: Sequence[str] = (),
    ) -> RunSpec:
        """Return the spec of one run of this method.

        Raises:
            KitError: the method does not apply, or an override, the task or the seed is none.
        """
        if not isinstance(task, Task):
            raise KitError(f"a task is what kit.task.find returns, not {type(task).__name__}")
        if type(seed) is not int:  # another number would not be the same in JSON
            raise KitError(f"a seed is a whole number, not {seed!r}")
        reason = self.applies(task)
        if reason is not None:
            raise KitError(f"method {self.name!r} does not apply to {task.name!r}: {reason}")
        settings = self.settings(task, protocol, profile, tier, overrides)
        changed = overrides and settings != self.settings(task, protocol, profile, tier)
        spec = RunSpec(
            task=task.name,
            task_version=task.version,
            method=self.name,
            method_version=self.version,
            seed=seed,
            protocol=protocol,
            profile=profile,
            tier=tier,
            settings=msgspec.to_builtins(settings),
            overrides=tuple(overrides) if changed else (),
        )
        inputs = {name: run.id for name, run in self.inputs(spec).items()}
        return msgspec.structs.replace(spec, inputs=inputs)


def _check_roles(overrides: Sequence[str], settings: Settings) -> None:
    """Refuse ``-o data.roles.ROLE=...`` where ``data.split`` has that role and so takes its place.

    Raises:
        KitError: naming both settings.
    """
    for role in settings.data.split:
        for place in ("data.roles", f"data.roles.{role}"):
            if any(each.partition("=")[0].strip() == place for each in overrides) and (
                role in settings.data.roles
            ):
                raise KitError(
                    f"-o {place}: data.split.{role} = {settings.data.split[role]} takes its "
                    "place; change that, or -o 'data.split={}'"
                )


def _check_windows(task_name: str, before: DataConfig, data: DataConfig) -> None:
    """Refuse ``-o`` windows of a task whose samples are whole, and whole samples of one with some.

    Raises:
        KitError: naming the setting.
    """
    if before.window and not data.window:
        raise KitError(
            f"-o data.window: {task_name} is cut into windows of {before.window}; 0 is none"
        )
    if not before.window:
        for name in ("window", "window_strides"):
            if getattr(data, name) != getattr(before, name):
                raise KitError(f"-o data.{name}: {task_name} is not cut into windows")


def _check_constants(before: DataConfig, data: DataConfig) -> None:
    """Refuse ``-o`` means and deviations by which nothing is normalised.

    Raises:
        KitError: naming the setting.
    """
    for name in ("mean", "std"):
        if data.inputs != "constants" and getattr(data, name) != getattr(before, name):
            raise KitError(
                f"-o data.{name}: inputs are normalised {data.inputs!r}; -o data.inputs=constants "
                "goes by means and deviations that are given"
            )


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
def _find(name: str, roots: tuple[Path, ...]) -> MethodInfo:
    folders = discovery.listing(roots, *MARKERS)
    if name not in folders:
        raise unknown("method", name, folders)
    chain = [name]
    while not (folders[chain[-1]] / FACTS).exists():
        file = folders[chain[-1]] / SETTINGS
        below = files.variant(file).extends
        if below in chain or below not in folders:
            known = set(folders) - set(chain)
            raise KitError(
                f"{file}: it extends {below!r}, which is no other method{nearest(below, known)}"
            )
        chain.append(below)
    module = discovery.load("kit.methods", folders[chain[-1]], "info")
    info = replace(discovery.member(module, "METHOD", MethodInfo), folder=folders[chain[-1]])
    for each in reversed(chain[:-1]):
        info = _varied(info, each, folders[each])
    return info


def _varied(info: MethodInfo, name: str, folder: Path) -> MethodInfo:
    variant = files.variant(folder / SETTINGS)
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
    )
