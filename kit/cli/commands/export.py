"""``kit export``: a finished run's model as files that need no kit."""

from __future__ import annotations

from pathlib import Path

import click

from kit import lazy
from kit.cli import options
from kit.cli.output import print_json, tell
from kit.cli.types import FilePath


@click.command(name="export")
@click.argument("run", type=options.RUN)
@click.option(
    "--output",
    type=FilePath(file_okay=False),
    help="Folder to write to. Default: one named after the run, in the current folder.",
)
@click.option("--onnx", is_flag=True, help="Also write model.onnx.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "onnx"]),
    default="text",
    show_default=True,
    help="Format of the output; onnx is the same as --onnx.",
)
def command(run: str, output: Path | None, onnx: bool, form: str) -> None:
    """Write the model of RUN to files that can be used without kit.

    The files are the weights (safetensors), the architecture (JSON), and a program that takes raw
    inputs and needs only torch: torch.export.load("program.pt2").module()(x). With --onnx, there
    is also a model for ONNX runtimes. architecture.json also describes the inputs, their
    normalisation, and the classes.

    RUN is the folder of a run, TASK/METHOD/SEED, or the beginning of its id.
    """
    from kit.runs.find import find_one, read_spec

    folder = find_one(run, log=tell)
    spec = read_spec(folder)
    target = output or Path(f"{spec.task}-{spec.method}-seed-{spec.seed}-{spec.id[:8]}")

    with lazy.torch_at_once():
        from kit.export.files import export

    paths = export(folder, target, onnx=onnx or form == "onnx")
    if form == "json":
        print_json([str(path) for path in paths])
        return
    for path in paths:
        click.echo(f"{path}  {path.stat().st_size:,} bytes")
