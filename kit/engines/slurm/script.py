"""The script of an array, from a template that a site can change."""

from __future__ import annotations

import os
import shlex
import sys
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound

from kit import paths
from kit.containers import lock
from kit.engines.slurm.arrays import Array, Site
from kit.errors import KitError
from kit.files import sha256
from kit.runs.provenance import code_of_task

TEMPLATES = Path(__file__).with_name("templates")
# Before its time is up a job is told, so that the run can end in peace and be queued again.
WARNING_SECONDS = 120
UNPINNED = {"KIT_IMAGE_PINNED": "0"}
PASSED = ("KIT_METHODS", "KIT_TASKS", "KIT_TENSORBOARD")


def script(array: Array, site: Site) -> str:
    """Return the script of an array.

    Raises:
        KitError: the template cannot be read, or is wrong.
    """
    folders = [TEMPLATES, *([site.template.absolute().parent] if site.template else [])]
    environment = Environment(
        loader=FileSystemLoader(folders),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quote"] = shlex.quote
    name = site.template.name if site.template else f"{site.container}.sh"
    try:
        template = (
            environment.from_string(site.template.read_text(encoding="utf-8"))
            if site.template
            else environment.get_template(name)
        )
        return template.render(
            name=f"{len(array.runs)} runs, {array.hours} h",
            folder=array.folder,
            runs=len(array.runs),
            at_a_time=site.at_a_time,
            warning=WARNING_SECONDS,
            minutes=60 * array.hours,
            gpus=array.gpus,
            options=site.options,
            variables=_variables(array),
            python=sys.executable,
            image=array.image,
        )
    except TemplateNotFound as error:
        raise KitError(f"template {name}: it extends {error.name}, which is not there") from None
    except OSError as error:
        raise KitError(f"{site.template}: {error.strerror}") from None
    except TemplateError as error:
        raise KitError(f"template {name}: {error}") from None


def _variables(array: Array) -> dict[str, str]:
    """Return what a job must know of this shell, whatever a site makes of the environment."""
    known = {"KIT_RESULTS": str(paths.results()), "KIT_DATA": str(paths.data())}
    known |= {name: os.environ[name] for name in PASSED if os.environ.get(name)}
    if array.image is None:
        return known
    if Path(array.image).is_file():
        return known | {"KIT_IMAGE_ID": f"sha256:{_digest(Path(array.image))}", **UNPINNED}
    task = array.runs[0].task
    pinned = {"KIT_IMAGE_PINNED": "1"} if lock.pinned(task) else UNPINNED
    return known | pinned | {"KIT_CODE": code_of_task(task)}


@cache
def _digest(file: Path) -> str:
    return sha256(file)
