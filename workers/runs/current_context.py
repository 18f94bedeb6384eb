"""`current_context()`: the context of the current job, for libraries and loggers that a job calls.

It imports little, because it delays the start of a CPU child.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Final

from monarq.shared.calls.context import Context, SyncContext
from monarq.workers.runs.current_job import CURRENT_JOB

CONTEXT_MAKER: Final[ContextVar[Callable[[Any], Context | SyncContext] | None]] = ContextVar(
    "monarq_context_maker", default=None
)
"""Creates the context of the current job; set by the worker and by the cpu child."""

RESOURCES: Final[ContextVar[Mapping[Any, Any]]] = ContextVar("monarq_resources", default=MappingProxyType({}))
"""The resources that this process has opened for all jobs, by name; set by the worker and by the cpu child."""

CURRENT_CONTEXT: Final[ContextVar[Context | SyncContext | None]] = ContextVar("monarq_context", default=None)
"""The context of the job, once it is created."""


def current_context() -> Context | SyncContext | None:
    """The context of the current job; None outside of jobs, and in a thread that a job has started by itself.

    It exists whether or not the job takes a context: `SyncContext` in threads and in the cpu lane, else `Context`.
    """
    known = CURRENT_CONTEXT.get()
    if known is not None:
        return known
    job, make = CURRENT_JOB.get(), CONTEXT_MAKER.get()
    return None if job is None or make is None else make(job)
