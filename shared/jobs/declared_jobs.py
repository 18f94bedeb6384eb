"""The jobs that this process has declared, by name: how another process that imports the same modules finds them.

It imports next to nothing, because the start of the cpu lane's process waits for it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from types import FrameType

    from monarq.shared.jobs.job import Job


class DeclaredJob(NamedTuple):
    """A job, and the module whose import declares it."""

    job: Job[Any, Any]
    module: str


_DECLARED: Final[dict[str, DeclaredJob]] = {}


def register_job(job: Job[Any, Any]) -> None:
    """Keeps a job that is being declared, and forgets one of the same name: its module was loaded anew."""
    _DECLARED[job.name] = DeclaredJob(job, _module_that_runs() or job.function.__module__)


def find_declared(name: str) -> DeclaredJob | None:
    """The job that was declared last by this name."""
    return _DECLARED.get(name)


def _module_that_runs() -> str | None:
    """The module whose own lines are being run: whatever helpers it calls, to import it is to declare the job."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - what inspect.currentframe() gives, without importing it
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    return None if frame is None else frame.f_globals.get("__name__")
