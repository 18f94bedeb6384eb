"""The import path with which the cpu lane's process finds a job's function: a path in a module, or the job's name."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import reduce
from typing import Any, Final, NamedTuple

from monarq.shared.errors import DeclarationError
from monarq.shared.jobs.declared_jobs import find_declared
from monarq.shared.jobs.job import Job


class ImportPath(NamedTuple):
    """Where another process finds a job.

    Attributes:
        module: the module to import.
        qualname: the path of the function, or of its job, in that module; also the job's name in messages.
        declared: the name of the job that this import declares, if no such path leads to it; else None.
    """

    module: str
    qualname: str
    declared: str | None = None


_FIRST: Final[list[str]] = []


def import_first(module: str) -> None:
    """Lets each cpu child import this module before those of jobs, for what these need to be imported."""
    if module not in _FIRST:
        _FIRST.append(module)


def modules_of(paths: Iterable[ImportPath]) -> list[str]:
    """The modules that a cpu child imports to find these, in their order."""
    return list(dict.fromkeys((*_FIRST, *sorted(path.module for path in paths))))


def import_path_of(job: Job[Any, Any]) -> ImportPath:
    """The import path of a job's function.

    Raises:
        DeclarationError: there is none; the message says what to do.
    """
    function = job.function
    module, qualname = str(function.__module__), str(getattr(function, "__qualname__", ""))
    if module != "__main__" and _is_importable(module, qualname, job):
        return ImportPath(module, qualname)
    known = find_declared(job.name)
    if known is not None and known.job.worker_callable is job.worker_callable and known.module != "__main__":
        return ImportPath(known.module, job.name, job.name)
    raise DeclarationError(
        f"the process of the cpu lane, which imports modules, cannot find the job {job.name!r}: declare it at the top"
        " level of an importable module, not in the script that is run, under a name of its own; or give it"
        ' lane="thread"'
    )


def _is_importable(module: str, qualname: str, job: Job[Any, Any]) -> bool:
    try:
        found: object = reduce(getattr, qualname.split("."), sys.modules[module])
    except (KeyError, AttributeError):
        return False
    return found is job.worker_callable or (isinstance(found, Job) and found.worker_callable is job.worker_callable)
