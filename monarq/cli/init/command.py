"""`monarq init`: writes a small project with jobs, a producer, tests and a compose file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from monarq.cli.command_line.help import SectionedCommand

SECTIONS: Final = {
    "Examples": """
monarq init                   in the current folder
monarq init shop              in a new folder
""",
    "Files": """
jobs.py           an application with an I/O job that uses a resource, and a CPU job
produce.py        enqueues jobs and waits for their results
test_jobs.py      tests, with a private Redis for each
pyproject.toml    its dependencies, and settings of monarq
compose.yaml, Dockerfile      Redis and workers in containers
README.md         how to run all of it
""",
}


@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.argument("folder", type=click.Path(file_okay=False), default=".")
def init(folder: str) -> int:
    """Create a small working project in FOLDER. Existing files are never overwritten."""
    from monarq.cli.init.actions import write_project

    if not folder:
        raise click.BadParameter("it is empty: name a folder, or leave it out for the current one", param_hint="FOLDER")
    return write_project(Path(folder))
