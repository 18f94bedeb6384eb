"""The registry of the jobs that this process has declared, by name.

Another process that imports the same modules uses it to find a job's function. It imports next to nothing, so that a
CPU child starts quickly.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from types import FrameType

    from monarq.shared.jobs.job import Job


class DeclaredJob(NamedTuple):
    """A declared job, and the module whose import declares it."""

    job: Job[Any, Any]
    module: str


_DECLARED: Final[dict[str, DeclaredJob]] = {}


def register_job(job: Job[Any, Any]) -> None:
    """Registers a job. It replaces one of the same name, as when its module is reloaded."""
    _DECLARED[job.name] = DeclaredJob(job, _running_module() or job.function.__module__)


def find_declared(name: str) -> DeclaredJob | None:
    """The job that was last declared under this name."""
    return _DECLARED.get(name)


def all_declared() -> list[DeclaredJob]:
    """Every job that this process has declared; if several have one name, the last."""
    return list(_DECLARED.values())


def _running_module() -> str | None:
    """The module whose top-level code is running: its import declares the job, whatever helpers it calls."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - what inspect.currentframe() gives, without importing it
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    return None if frame is None else frame.f_globals.get("__name__")
