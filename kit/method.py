"""The method contract, the part without torch: what a method is and how it is set.

A method is a folder with ``info.py`` (its ``METHOD``), ``settings.toml`` and ``stages.py`` (its
``Stages``, a ``kit.methods.stages.Method``). Listing, planning and tables need ``info.py`` alone.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from kit import discovery, extras, paths
from kit.errors import KitError, unknown
from kit.settings import Settings, apply_overrides, convert, merge, resolve
from kit.spec import Profile, Protocol, RunSpec, Tier
from kit.task import Task


@dataclass(frozen=True, kw_only=True)
class MethodInfo:
    """The facts of one method. A method that needs more than these subclasses this.

    Attributes:
        name: with hyphens; the folder has underscores.
        version: to be raised whenever its results change.
        stages: in order; each can be resumed.
        settings_type: the struct that its ``settings.toml`` must fill.
        gpus: how many it needs.
        dims: the spatial axes that it can take.
        extends: the method whose ``settings.toml`` its own is laid over, if any.
        package: what it cannot do without and only the kit's extra of that name brings, if any.
    """

    name: str
    title: str
    version: int
    stages: tuple[str, ...]
    settings_type: type[Settings]
    gpus: int = 1
    dims: tuple[int, ...] = (1, 2)
    extends: str | None = None
    package: str | None = None
    folder: Path = Path()

    def applies(self, task: Task) -> str | None:
        """Return None if the method can take the task, else the reason why not."""
        if task.dims not in self.dims:
            return f"it is for {self.dims[0]}D data, and this task is {task.dims}D"
        return None

    def missing(self) -> str | None:
        """Return what to install before it can run here, or None."""
        if self.package is None or find_spec(self.package) is not None:
            return None
        return f"method {self.name} needs {self.package}: {extras.install(self.package)}"

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
        file = self.folder / "settings.toml"
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
            values = apply_overrides(values, overrides, self.settings_type)
            settings = convert(values, self.settings_type, "-o")
            _check_roles(overrides, settings)
        settings.check(task.sample_shape, task.outputs)
        return settings

    def _layers(self, facts: Mapping[str, str]) -> dict[str, Any]:
        own = resolve(self._document, facts)
        return merge(find(self.extends)._layers(facts), own) if self.extends else own

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
        file = self.folder / "settings.toml"
        try:
            return _parsed(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise KitError(f"{file} cannot be read: {error}") from None

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
            KitError: the method does not apply, or an override is wrong.
        """
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
    """Refuse to change the folds of a role where they have no say."""
    for role in settings.data.split:
        for place in ("data.roles", f"data.roles.{role}"):
            if any(each.partition("=")[0].strip() == place for each in overrides) and (
                role in settings.data.roles
            ):
                raise KitError(
                    f"-o {place}: data.split.{role} = {settings.data.split[role]} takes its "
                    "place; change that, or -o 'data.split={}'"
                )


@cache
def _parsed(text: str) -> Mapping[str, Any]:
    """Parse a settings file once; whoever asks gets the same tables and leaves them alone."""
    return tomllib.loads(text)


def names() -> list[str]:
    """Return the names of all methods found that can be used, sorted."""
    return list(discovery.sift(paths.methods(), "info.py", find)[0])


def broken() -> list[str]:
    """Return a line for each method folder that is of no use, which names it and says why."""
    return discovery.sift(paths.methods(), "info.py", find)[1]


def find(name: str) -> MethodInfo:
    """Return the method of that name.

    Raises:
        KitError: there is none, near names are suggested; or its folder is broken.
    """
    return _find(name, tuple(paths.methods()))


@cache
def _find(name: str, roots: tuple[Path, ...]) -> MethodInfo:
    folders = discovery.listing(roots, "info.py")
    if name not in folders:
        raise unknown("method", name, folders)
    module = discovery.load("kit.methods", folders[name], "info")
    return replace(discovery.member(module, "METHOD", MethodInfo), folder=folders[name])
