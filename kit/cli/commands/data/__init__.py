"""``kit data``: list, fetch, clean, import, prepare, check and verify the data of tasks."""

from __future__ import annotations

import click

from kit.cli.commands.data.check import check_data, verify_data
from kit.cli.commands.data.fetch import clean_data, fetch_data
from kit.cli.commands.data.import_ import import_data
from kit.cli.commands.data.list_ import list_data
from kit.cli.commands.data.prepare import prepare_data


@click.group(name="data")
def command() -> None:
    """List, fetch, clean, import, prepare, check and verify data."""


for each in (
    list_data,
    fetch_data,
    clean_data,
    import_data,
    prepare_data,
    check_data,
    verify_data,
):
    command.add_command(each)
