"""A program that sets its own logging up, and takes the job's fields from monarq's filter."""

from __future__ import annotations

import logging

from monarq import JobLogFilter, job

handler = logging.StreamHandler()
handler.addFilter(JobLogFilter())
logging.basicConfig(
    level=logging.DEBUG, format="own|%(queue)s|%(job_id)s|%(job_name)s|%(job_try)s|%(message)s", handlers=[handler]
)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"job": {"()": "monarq.JobLogFilter"}},
    "formatters": {"line": {"format": "dict|%(job_id)s|%(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "filters": ["job"], "formatter": "line"}},
    "root": {"level": "INFO", "handlers": ["stderr"]},
}


@job
async def log_own_way() -> None:
    logging.getLogger(__name__).debug("from io")


@job
def log_own_way_in_child() -> None:
    logging.getLogger(__name__).debug("from cpu")
