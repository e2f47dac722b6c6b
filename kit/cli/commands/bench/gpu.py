"""``kit bench gpu``: all that matters on a GPU."""

from __future__ import annotations

import click

from kit.cli import options
from kit.cli.output import print_json, tell
from kit.errors import KitError


@click.command(name="gpu")
@options.formats("text", "json")
def bench_gpu(form: str) -> None:
    """Measure all that matters on a GPU, in under ten minutes.

    This covers AggConv in all forms, search epochs, memory, faster training, determinism, and the
    tests marked gpu. The command writes results/speed/gpu-NAME.json and a page of Markdown next to
    it.
    """
    from kit.engines import torch_device

    if torch_device.choose(None) == "cpu":
        raise KitError("no GPU is usable here, and 'kit bench gpu' measures nothing else")
    from kit.bench import gpu as bench
    from kit.bench.gpu.report import file_of, markdown
    from kit.cli.progress import bar

    with bar("gpu") as progress:
        report = bench.measure(progress=progress)
    if form == "json":
        print_json(report)
        return
    click.echo(markdown(report))
    tell(f"kept as {file_of(report.device, 'json')} and .md")
