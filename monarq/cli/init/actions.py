"""Implements `monarq init`: writes the files of a new project, or none if one of them exists."""

from __future__ import annotations

import re
import shlex
from importlib.resources import files
from pathlib import Path
from typing import Final

from monarq.cli.terminal.console import REFUSED, say, write_out
from monarq.shared.extras import requirement, source_url
from monarq.shared.version import VERSION

_TEMPLATE: Final = files(__package__) / "template"
_SUFFIX: Final = ".in"
_DEV_EXTRAS: Final = "embedded,testing"
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
    words = {
        "@NAME@": project,
        "@MONARQ@": requirement(index_version=_index_version()),
        "@MONARQ_DEV@": requirement(_DEV_EXTRAS),
        "@INSTALL@": _install_line(),
        "@INSTALL_IN_IMAGE@": _install_in_image(),
    }
    return {
        file.name.removesuffix(_SUFFIX): _filled(file.read_text(), words)
        for file in sorted(_TEMPLATE.iterdir(), key=lambda each: each.name)
        if file.name.endswith(_SUFFIX)
    }


def _filled(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def _index_version() -> str:
    # A copy without metadata has a version that cannot be requested from pip.
    return f">={VERSION}" if "+" not in VERSION else ""


def _install_line() -> str:
    return f"pip install {shlex.quote(requirement(_DEV_EXTRAS))} pytest pytest-asyncio"


def _install_in_image() -> str:
    """The lines of the Dockerfile that install monarq. An image being built has no access to a folder, and no git."""
    wanted = requirement(index_version=_index_version())
    if not source_url():
        return f"RUN pip install --no-cache-dir {shlex.quote(wanted)}"
    return f"""\
# monarq was not installed from an index, so put it beside this file first, and again after each change of it:
#   pip wheel --no-deps --wheel-dir wheels {shlex.quote(wanted)}
COPY wheels /tmp/wheels
RUN pip install --no-cache-dir /tmp/wheels/monarq-*.whl"""


def _project_name(folder: Path) -> str:
    """A project name derived from the folder's, valid for packaging and `App`."""
    return _NOT_IN_NAMES.sub("-", folder.resolve().name.lower()).strip("-") or "app"


def _summary(folder: Path, names: list[str]) -> str:
    where = "" if folder == Path() else f"  cd {shlex.quote(str(folder))}\n"
    return f"""\
wrote {", ".join(names)}

Try it:
{where}  {_install_line()}
  monarq redis &            # a Redis for development; or set REDIS_URL
  monarq worker jobs &      # a worker for each core
  python produce.py         # enqueues jobs and prints their results
  monarq stats              # what ran, and who is there
  kill %2 %1                # stops the workers and the Redis
  python -m pytest          # the tests bring a Redis of their own
"""
