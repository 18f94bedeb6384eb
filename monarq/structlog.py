"""structlog: adds the current job to log lines.

    structlog.configure(processors=[add_job, structlog.processors.JSONRenderer()])      in each lane, without more
    app = App(middleware=[bind_job])                                                    or: as contextvars of structlog

Both add ``job_id``, ``job_name``, ``queue`` and ``job_try``.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from monarq.shared.extras import missing_package

if missing := missing_package("structlog", "monarq.structlog"):
    raise missing

from structlog.contextvars import bound_contextvars

from monarq.shared.calls.run import Run
from monarq.shared.jobs.middleware import RunNext
from monarq.workers.runs.current_context import current_context

__all__ = ["add_job", "bind_job"]


def add_job(_logger: Any, _method: str, event_dict: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor that adds the current job to an event, in every lane; outside of jobs it adds nothing.

    Fields that the event already has are kept.
    """
    context = current_context()
    if context is not None:
        event_dict.setdefault("job_id", context.job_id)
        event_dict.setdefault("job_name", context.job_name)
        event_dict.setdefault("queue", context.queue)
        event_dict.setdefault("job_try", context.job_try)
    return event_dict


async def bind_job(run: Run, call_next: RunNext) -> object:
    """A middleware that binds the job to structlog's contextvars, for its processor ``merge_contextvars``.

    Code called by the job sees them, on the event loop and in threads. A job in the cpu lane runs in another process,
    which does not have them; `add_job` works there too.
    """
    with bound_contextvars(job_id=run.job_id, job_name=run.job_name, queue=run.queue, job_try=run.job_try):
        return await call_next(run)
