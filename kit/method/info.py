"""What a method is: its facts, and the settings and the spec of a run that follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec

from kit import extras
from kit.architecture import ArchitectureKind
from kit.errors import KitError, unknown
from kit.method import files
from kit.method.files import SETTINGS
from kit.method.overrides import check_overrides, recipe
from kit.settings import Settings, apply_overrides, convert, merge, resolve
from kit.settings.losses import check_losses
from kit.spec import PROFILES, PROTOCOLS, TIERS, Profile, Protocol, RunSpec, Tier
from kit.task import Task


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
        folder: where its files are; ``kit.method.find`` fills it in, as it does ``below``.
        below: the method that it extends, if any.
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
    below: MethodInfo | None = None

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
        settings = convert(values, self.settings_type, f"{self.folder.name}/{SETTINGS}")
        if overrides:
            before = settings
            values = apply_overrides(values, overrides, self.settings_type)
            settings = convert(values, self.settings_type, "-o")
            check_overrides(overrides, before, settings, task)
            self._check_tuned(before, settings)
        settings.check(task.sample_shape, task.outputs, task.dense)
        self.check(settings, task)
        return settings

    def check(self, settings: Any, task: Task) -> None:
        """Hold settings to what the task has besides samples; methods extend this.

        Raises:
            KitError: they do not fit.
        """
        check_losses(settings, task.name, task.loss, task.outputs)

    def _check_tuned(self, before: Settings, settings: Settings) -> None:
        for name, drawn_from in self.tuned.items():
            if attrgetter(name)(settings) != attrgetter(name)(before):
                raise KitError(f"-o {name}: {self.name} draws it; change {drawn_from}")

    def _layers(self, facts: Mapping[str, str]) -> dict[str, Any]:
        own = resolve(files.layers(self.folder), facts)
        if self.below is None:
            return own
        below = self.below._layers(facts)
        if self.extended is not None:
            below = {name: value for name, value in below.items() if name in self.extended}
        return merge(below, own)

    def _recipe(self, overrides: Sequence[str]) -> str:
        asked = recipe(overrides)
        if asked is not None and asked not in self._recipes:
            raise unknown("recipe", asked, self._recipes)
        return asked or ""

    @property
    def _recipes(self) -> set[str]:
        below = self.below._recipes if self.below else set()
        return below | set(files.layers(self.folder).get("recipe", {}))

    @property
    def folders(self) -> list[Path]:
        """Its folder, then those of the methods that it extends, one after the other."""
        return [self.folder, *(self.below.folders if self.below else [])]

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
