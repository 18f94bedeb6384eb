"""Log fields: a filter that adds the current job to log records, and a formatter that writes records as JSON.

`monarq.workers.reporting.log_setup` installs both on the handlers that it creates; a program's own logging
configuration can use them too.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from monarq.shared.text.json_lines import json_line
from monarq.shared.text.printable import printable
from monarq.shared.tracing.tracing import span_ids
from monarq.workers.runs.current_job import CURRENT_JOB, WORKER_ID


class JobLogFilter(logging.Filter):
    """Adds the fields of the current job to every record; drops no records. Install it on handlers.

    The fields are ``job_id``, ``job_name``, ``job_try``, ``queue`` and ``job_prefix``, which is "[id:name] "; all are
    empty outside of a job. ``worker`` is the worker's name in Redis; ``trace_id`` and ``span_id`` are those of the
    current span, if the program is traced. Control characters in them are escaped. Fields that a record already has
    from ``extra=`` are kept.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter`."""
        fields = record.__dict__
        fields.setdefault("worker", WORKER_ID.get())
        trace_id, span_id = span_ids()
        fields.setdefault("trace_id", trace_id)
        fields.setdefault("span_id", span_id)
        job = CURRENT_JOB.get()
        if job is None:
            for name in ("job_id", "job_name", "job_try", "queue", "job_prefix"):
                fields.setdefault(name, "")
        else:
            job_id, name = printable(job.job_id), printable(job.name)
            fields.setdefault("job_id", job_id)
            fields.setdefault("job_name", name)
            fields.setdefault("job_try", job.job_try)
            fields.setdefault("queue", printable(job.queue))
            fields.setdefault("job_prefix", f"[{job_id}:{name}] ")
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, pid, worker, queue, job_id, job, try, message, and more if known.

    Unknown fields are left out: the four fields of a job outside of jobs, the worker outside of workers. They come from
    a `JobLogFilter` on the same handler, as do trace_id and span_id; traceback and stack come from the record.
    """

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
            **dict(_known(record)),
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["traceback"] = record.exc_text or self.formatException(record.exc_info)
        if record.stack_info:
            fields["stack"] = record.stack_info
        return json_line(fields)


_NAMES: Final = {
    "worker": "worker",
    "queue": "queue",
    "job_id": "job_id",
    "job_name": "job",
    "job_try": "try",
    "trace_id": "trace_id",
    "span_id": "span_id",
}
"""The fields of a record, and their names in JSON."""


def _known(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    for name, shown in _NAMES.items():
        value = getattr(record, name, "")
        if value not in ("", None):
            yield shown, value
