"""`monarq demo`: shows monarq at work within a minute, with nothing installed but monarq."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from monarq.cli.command_line.help import SectionedCommand
from monarq.cli.command_line.options import verbose_option


@click.command(cls=SectionedCommand, sections={"Example": "monarq demo"})
@click.option("--save-svg", type=click.Path(dir_okay=False, path_type=Path), help="Draw a picture of what was shown.")
@verbose_option
def demo(save_svg: Path | None) -> int:
    """Do the same work with and without monarq, and compare.

    The work is HTTP requests, files, an interface that must keep answering, and computing. Each is done one part after
    another and then as jobs. The demo shows how long each took, and why jobs were faster, or were not. It starts a
    private Redis and a worker for each core, and leaves nothing behind. It exits 1 if the results differ.
    """
    if save_svg is not None and not os.access(save_svg.parent, os.W_OK):
        # Half a minute later it would be too late to say so.
        raise click.BadParameter(f"{save_svg.parent} is not a folder that can be written to", param_hint="--save-svg")
    from monarq.cli.demo.actions import run_demo
    from monarq.cli.terminal.console import open_console

    return run_demo(open_console(sys.stdout), save_svg=save_svg)
