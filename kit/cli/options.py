"""Options and arguments that several commands share, with completion of names."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any, Self, TypeVar

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from kit.cli.types import FilePath
from kit.spec import PROFILES, PROTOCOLS, TIERS

Function = TypeVar("Function", bound=Callable[..., Any])


class _Name(click.ParamType[str]):
    """A name of something that there is; checked by the command, completed in the shell."""

    def __init__(self, name: str, choices: Callable[[], Iterable[str]]) -> None:
        self.name, self.choices = name, choices

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the names that begin with what was typed."""
        return [CompletionItem(name) for name in self.choices() if name.startswith(incomplete)]


def _tasks() -> list[str]:
    from kit import task

    return task.names()


def _methods() -> list[str]:
    from kit import method

    return method.names()


def _runs() -> list[str]:
    from kit.runs.states import read_states

    return list(dict.fromkeys(f"{run.task}/{run.method}/{run.seed}" for run in read_states()))


def _papers() -> list[str]:
    from kit import papers

    return papers.papers()


def _studies() -> list[str]:
    from kit import studies

    return studies.names()


def _figures() -> list[str]:
    from kit.cli import planning

    of_papers = (figure for paper in _papers() for figure in planning.figures(paper))
    return list(dict.fromkeys((*of_papers, *planning.OF_PAPERS, *planning.OF_RUNS)))


def _tables_of_cells() -> list[str]:
    from kit.cli import cells

    return cells.names()


TASK, METHOD, RUN = _Name("task", _tasks), _Name("method", _methods), _Name("run", _runs)
PAPER, STUDY, FIGURE = (
    _Name("paper", _papers),
    _Name("study", _studies),
    _Name("figure", _figures),
)
CELLS = _Name("table", _tables_of_cells)
SEED = click.IntRange(min=0)
SEED_HELP = "Only this seed; may be repeated. Default: 0, 1 and 2."
THREADS = click.IntRange(1, 1024)


def chain(*decorators: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """Return one decorator that applies several, the first outermost."""

    def decorate(function: Function) -> Function:
        for each in reversed(decorators):
            function = each(function)
        return function

    return decorate


profile = click.option(
    "--profile",
    type=click.Choice(PROFILES),
    default="paper",
    show_default=True,
    help="Size of the runs. paper: full size; lite: minutes on a CPU; smoke: seconds.",
)
protocol = click.option(
    "--protocol",
    type=click.Choice(PROTOCOLS),
    help="released: as the authors' code; clean: nothing is chosen on test data. "
    "Default: released; for a task of your own, clean.",
)
tier = click.option(
    "--tier",
    type=click.Choice(TIERS),
    help="Tier of the data. Default: the best; for lite and smoke, the best that is prepared.",
)
# Of commands that show results.
only = chain(
    click.option("--profile", type=click.Choice(PROFILES), help="Only runs of this profile."),
    click.option("--protocol", type=click.Choice(PROTOCOLS), help="Only runs of this protocol."),
    click.option("--tier", type=click.Choice(TIERS), help="Only runs on data of this tier."),
)
device = click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    help="Device to compute on. Default: a GPU if there is one.",
)
threads = click.option(
    "--threads",
    type=THREADS,
    envvar="KIT_THREADS",
    show_envvar=True,
    help="Threads on the CPU. Default: one; in profile paper, all.",
)
force = click.option("--force", is_flag=True, help="Run profile paper even without a GPU.")
paper = click.option(
    "--paper",
    type=PAPER,
    metavar="TEXT",
    default="dash",
    show_default=True,
    help="The paper: dash or nas-bench-360.",
)
figure_file = click.option(
    "--output", type=FilePath(), help="Draw the figure to this file (.svg, .pdf or .png)."
)


def formats(*names: str) -> Callable[[Function], Function]:
    """Return the option ``--format``; the first name is the default."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(names),
        default=names[0],
        show_default=True,
        help="Format of the output.",
    )


wanted = chain(
    click.option("--table", "number", type=int, help="Number of the paper's table."),
    click.option("--figure", type=FIGURE, metavar="N", help="Instead of a table: figure N."),
    click.option(
        "--study",
        type=STUDY,
        metavar="NAME",
        help="Instead of a table: a study, such as ablation.",
    ),
    paper,
    click.option(
        "--task", "tasks", multiple=True, type=TASK, help="Only this task; may be repeated."
    ),
    click.option(
        "--method", "methods", multiple=True, type=METHOD, help="Only this method; may be repeated."
    ),
    click.option("--seed", "seeds", multiple=True, type=SEED, help=SEED_HELP),
    click.option("--all-methods", is_flag=True, help="All methods that the kit can run."),
    click.option("--retry-failed", is_flag=True, help="Repeat runs that failed before."),
    profile,
    protocol,
    tier,
)

allow_unpinned = click.option(
    "--allow-unpinned",
    is_flag=True,
    help="Run images that differ from the lock, and mark the results.",
)

ray_address = click.option(
    "--ray-address",
    metavar="HOST:PORT",
    envvar="RAY_ADDRESS",
    help="Ray cluster for --engine ray. Default: the one that this machine belongs to.",
)
gpus = click.option("--gpus", help="GPUs to use, such as 0,1 or UUIDs. Default: KIT_GPU, else all.")
slots = chain(
    click.option(
        "--engine",
        type=click.Choice(["auto", "local", "docker", "ray"]),
        default="auto",
        show_default=True,
        envvar="KIT_ENGINE",
        help="local: processes on this machine; docker: containers on this machine; ray: processes "
        "on the nodes of a Ray cluster; auto: docker if it is available, else local.",
    ),
    ray_address,
    gpus,
    click.option(
        "--jobs",
        type=click.IntRange(min=1),
        help="Runs at a time. Default: one per GPU; on the CPU, one per core.",
    ),
    click.option(
        "--jobs-per-gpu",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        help="Runs at a time on one GPU, if each gets its part of the memory.",
    ),
    allow_unpinned,
)
timeout = click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="HOURS",
    help="Stop a run after this time. Default: no limit.",
)


def _place_of_trials(ctx: click.Context, param: click.Parameter, where: str | None) -> str | None:
    """Return where trials are to be trained.

    Raises:
        KitError: it is no place, or no number of processes.
    """
    if where is not None:
        from kit.engines import trial_workers

        trial_workers.processes(where)
    return where


trials_on = click.option(
    "--trials-on",
    metavar="WHERE",
    callback=_place_of_trials,
    help="Train the trials of a tuned method in parallel. local:N: N at a time on this machine, "
    "each on its own core or GPU; HOST:PORT: on that Ray cluster; auto: on the Ray cluster of this "
    "machine. Default: one after the other.",
)


def _set_tensorboard(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    """Set the variable by which this process, and those that it starts, write events.

    Raises:
        KitError: the library for them is not installed.
    """
    if wanted:
        from kit.runs.tensorboard import require

        require()
        os.environ["KIT_TENSORBOARD"] = "1"


tensorboard = click.option(
    "--tensorboard",
    is_flag=True,
    expose_value=False,
    callback=_set_tensorboard,
    help="Write TensorBoard events to each run's folder; from containers, when the run ends.",
)


@dataclass(frozen=True)
class Placement:
    """Where and how runs are made, by the options of these names; ``timeout`` is in hours."""

    engine: str = "local"
    ray_address: str | None = None
    gpus: str | None = None
    jobs: int | None = None
    jobs_per_gpu: int = 1
    allow_unpinned: bool = False
    timeout: float | None = None
    device: str | None = None
    trials_on: str | None = None
    force: bool = False

    @classmethod
    def taken_from(cls, parameters: dict[str, Any]) -> Self:
        """Take these options out of the parameters of a command that has them all."""
        return cls(**{field.name: parameters.pop(field.name) for field in fields(cls)})


def given(names: Iterable[str]) -> list[str]:
    """Return which of these parameters stand on the command line of the running command."""
    source = click.get_current_context().get_parameter_source
    return [name for name in names if source(name) is ParameterSource.COMMANDLINE]
