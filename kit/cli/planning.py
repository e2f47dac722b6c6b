"""What the options of a command ask for, as a plan."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, TypedDict, Unpack

from kit.errors import KitError, unknown

if TYPE_CHECKING:
    from kit.method import MethodInfo
    from kit.plan.records import Plan
    from kit.report.figures.behind import FigureRuns
    from kit.spec import Kind, Profile, Protocol, Tier
    from kit.task import Task

# What a task's own table has besides the baselines, unless other methods are asked for.
OWN_METHODS = ("wrn", "dash")
# The table (an epoch of both supernets) and the figures that are measured, without any runs.
SPEED_TABLE = ("dash", 8)
SPEED_TESTS = (("dash", "2"), ("dash", "3"))
# The figures that have a name: of both papers, and of runs.
OF_PAPERS, OF_RUNS = ("runtimes", "ranks"), ("curves", "alphas", "entropy", "architecture")


class Wanted(TypedDict):
    """What is asked for, by the options of ``options.wanted``.

    One of ``number`` (of a table), ``figure`` and ``study`` is given; else one task, for its table.
    Empty sequences mean the default.
    """

    number: int | None
    figure: str | None
    study: str | None
    paper: str
    tasks: Sequence[str]
    methods: Sequence[str]
    seeds: Sequence[int]
    all_methods: bool
    retry_failed: bool
    profile: Profile
    protocol: Protocol | None
    tier: Tier | None


def check_one(**wanted: Unpack[Wanted]) -> None:
    """Refuse options that do not name just one thing, or have no say in it.

    Raises:
        KitError: saying so.
    """
    missing = [wanted["number"], wanted["figure"], wanted["study"]].count(None)
    if missing < 2 or (missing == 3 and len(wanted["tasks"]) != 1):
        raise KitError(
            "say which: --table N, --figure N, or --study NAME; or --task NAME alone, for the "
            "table of a task"
        )
    if wanted["study"] is not None and (wanted["methods"] or wanted["all_methods"]):
        raise KitError("a study has methods of its own: leave out --method and --all-methods")
    from kit import papers

    if wanted["paper"] not in papers.papers():
        raise unknown("paper", wanted["paper"], papers.papers())


def make(**wanted: Unpack[Wanted]) -> Plan:
    """Return the plan for what is asked for.

    Raises:
        KitError: the options do not name one thing that has runs.
    """
    check_one(**wanted)
    from kit import plan
    from kit.plan.request import PlanRequest
    from kit.report.figures.behind import FIGURES

    table, figure, methods = wanted["number"], wanted["figure"], wanted["methods"]
    if wanted["study"] is not None:
        return _of_study(wanted["study"], wanted)
    if figure is not None:
        if (wanted["paper"], figure) in FIGURES:
            return _of_figure(figure, wanted)
        table, methods = behind(figure, wanted["paper"], methods)
    if table is None:
        return _of_task(wanted)
    return plan.make(
        PlanRequest(
            paper=wanted["paper"],
            table=table,
            profile=wanted["profile"],
            protocol=wanted["protocol"] or "released",
            tier=wanted["tier"],
            tasks=wanted["tasks"],
            methods=methods,
            seeds=wanted["seeds"],
            all_methods=wanted["all_methods"],
            retry_failed=wanted["retry_failed"],
        )
    )


def figures(paper: str) -> list[str]:
    """Return the figures of a paper that the kit makes."""
    from kit.report.figures import profiles
    from kit.report.figures.behind import FIGURES

    others = (number for of, number in (*SPEED_TESTS, *FIGURES) if of == paper)
    return sorted([*profiles.names(paper), *others])


def unknown_figure(figure: str, paper: str, known: Sequence[str]) -> KitError:
    """Return the error for a figure that is not among those of a paper."""
    from kit import papers

    error = unknown(f"figure of {paper}", figure, known)
    return KitError(f"{error}{papers.in_another(paper, lambda each: figure in figures(each))}")


def behind(figure: str, paper: str, methods: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    """Return the table and the methods behind performance profiles; no ``methods`` mean all.

    Raises:
        KitError: there is no such figure, it is measured without runs, or lacks a method.
    """
    from kit import method
    from kit.report.figures import profiles

    if (paper, figure) in SPEED_TESTS:
        raise KitError(
            f"figure {figure} is a speed test, without runs: 'kit reproduce' measures it"
        )
    if figure not in profiles.names(paper):
        raise unknown_figure(figure, paper, figures(paper))
    wanted = profiles.definition(paper, figure)
    found: dict[str, None] = {}
    for curve in (curve for panel in wanted.panels for curve in panel.curves):
        known = [name for name in curve.methods if name in (methods or method.names())]
        if not known:
            raise KitError(
                f"{curve.title} in figure {figure} needs {' or '.join(curve.methods)}, which "
                f"{'was not asked for' if methods else 'this kit cannot run'}; "
                f"'kit figure {figure} --paper {paper}' shows the published values"
            )
        found |= dict.fromkeys(known)
    return wanted.table, tuple(found)


def of_one_task(**wanted: Unpack[Wanted]) -> tuple[Task, Kind]:
    """Return the one task that is asked for, and the kind of its runs.

    Raises:
        KitError: no task, or several, are asked for.
    """
    from kit import papers, task
    from kit.data.preparing import choose_tier
    from kit.spec import Kind

    if len(wanted["tasks"]) != 1:
        raise KitError("a study is of one task: --task NAME")
    the_task, profile = task.find(wanted["tasks"][0]), wanted["profile"]
    return the_task, Kind(
        profile=profile,
        protocol=wanted["protocol"] or papers.usual_protocol(the_task.name),
        tier=choose_tier(the_task, profile, wanted["tier"]),
    )


def methods_on(
    the_task: Task, asked: Sequence[str], all_methods: bool, kind: Kind
) -> list[tuple[str, str | None]]:
    """Return the rows of a task's own table, each with the reason why it cannot be run, if any.

    The kit's baselines are always among them. A method that was not asked for by its name cannot
    be run either where its settings do not fit the samples.

    Args:
        the_task: whose table it is.
        asked: names of methods; none for the usual ones.
        all_methods: in place of the usual ones.
        kind: of the runs.

    Raises:
        KitError: there is no method of such a name.
    """
    from kit import method
    from kit.report.own.table import BASELINES

    known = method.names()
    for name in asked:
        if name not in known:
            raise unknown("method", name, known)
    more = asked or (known if all_methods else OWN_METHODS)
    infos = [method.find(name) for name in dict.fromkeys((*BASELINES, *more)) if name in known]
    return [
        (
            info.name,
            info.applies(the_task)
            or info.missing()
            or (None if info.name in asked else _refusal(info, the_task, kind)),
        )
        for info in infos
    ]


def _refusal(info: MethodInfo, the_task: Task, kind: Kind) -> str | None:
    """Return why the settings of a method do not fit a task, or None if they do."""
    try:
        info.settings(the_task, **kind._asdict())
    except KitError as error:
        return str(error)
    return None


def _of_task(wanted: Wanted) -> Plan:
    """Return the plan of a task's own table."""
    from dataclasses import replace

    from kit import method, plan
    from kit.spec import SEEDS

    the_task, kind = of_one_task(**wanted)
    seeds = tuple(dict.fromkeys(wanted["seeds"])) or SEEDS
    names = methods_on(the_task, wanted["methods"], wanted["all_methods"], kind)
    infos = [method.find(name) for name, reason in names if reason is None]
    specs = (info.spec(the_task, seed, **kind._asdict()) for info in infos for seed in seeds)
    skipped = [(the_task.name, name, reason) for name, reason in names if reason is not None]
    return replace(plan.of_specs(specs, wanted["retry_failed"]), skipped=skipped)


def _of_study(name: str, wanted: Wanted) -> Plan:
    """Return the plan of a study of one task."""
    from kit import plan, studies

    the_task, kind = of_one_task(**wanted)
    runs = studies.specs(studies.find(name), the_task, wanted["seeds"], kind)
    specs = (spec for specs in runs.values() for spec in specs)
    return plan.of_specs(specs, wanted["retry_failed"])


def _of_figure(figure: str, wanted: Wanted) -> Plan:
    """Return the plan of a figure whose runs stand behind no table, one for each of its tasks.

    Raises:
        KitError: a task or a method is asked for that the figure does not have.
    """
    from kit import method, plan, task
    from kit.report.figures.behind import FIGURES

    runs, profile = FIGURES[wanted["paper"], figure], wanted["profile"]
    for kind, asked, known in (
        ("task", wanted["tasks"], runs.tasks),
        ("method", wanted["methods"], (runs.method,)),
    ):
        for name in asked:
            if name not in known:
                raise unknown(f"{kind} of figure {figure}", name, known)
    info = method.find(runs.method)
    specs = []
    for found in map(task.find, wanted["tasks"] or runs.tasks):
        of = partial(
            info.spec,
            found,
            protocol=wanted["protocol"] or "released",
            profile=profile,
            tier=_tier_of_figure(runs, found, profile, wanted["tier"]),
            overrides=(*runs.overrides, *runs.under.get(profile, ())),
        )
        specs += [of(seed) for seed in wanted["seeds"] or runs.seeds]
    return plan.of_specs(specs, wanted["retry_failed"])


def _tier_of_figure(runs: FigureRuns, the_task: Task, profile: Profile, tier: Tier | None) -> Tier:
    """Return the tier of a figure's runs: the one asked for, else the figure's own, if it can be.

    A figure's own tier is taken where its data are ready or can be made here.
    """
    from kit.data.preparing import choose_tier
    from kit.plan.data import data_of

    own = runs.tiers.get((the_task.name, profile))
    if tier is None and own is not None:
        data = data_of(the_task, own, profile)
        tier = own if data.ready or data.automatic else None
    return choose_tier(the_task, profile, tier)
