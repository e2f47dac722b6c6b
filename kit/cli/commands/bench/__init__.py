"""``kit bench``: speed claims, as ratios of interleaved medians."""

from __future__ import annotations

import click

from kit.allocator import keep_freed_memory
from kit.cli.commands.bench.aggconv import bench_aggconv
from kit.cli.commands.bench.cells import bench_cells
from kit.cli.commands.bench.data import bench_data
from kit.cli.commands.bench.epoch import bench_epoch
from kit.cli.commands.bench.experts import bench_experts
from kit.cli.commands.bench.gpu import bench_gpu
from kit.cli.commands.bench.queue import bench_queue
from kit.cli.commands.bench.search import bench_search
from kit.cli.commands.bench.spaces import bench_spaces


@click.group(name="bench")
def command() -> None:
    """Measure speed and memory."""
    keep_freed_memory()


for each in (
    bench_aggconv,
    bench_search,
    bench_data,
    bench_epoch,
    bench_experts,
    bench_spaces,
    bench_gpu,
    bench_queue,
    bench_cells,
):
    command.add_command(each)
