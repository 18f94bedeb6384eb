"""The traceback of a failed task is on the console once: in Django's line, not in monarq's as well.

Django writes that line whatever the backend, and the project's LOGGING may send it to the administrators as well. The
line of monarq's then has what Django's has not: the job, how long it ran, and the error in one line.
"""

from __future__ import annotations

import logging

from monarq.django.declared import is_task
from monarq.django.framework import LOGGER, log_task_finished, task_finished
from monarq.workers.reporting.log_setup import console_handlers, reaches_console
from monarq.workers.reporting.worker_log import FAILED
from monarq.workers.runs.current_job import CURRENT_JOB


def leave_tracebacks_to_django() -> None:
    """Makes monarq's log leave out the tracebacks of tasks on the console while Django's logger writes them there."""
    for handler in console_handlers("monarq"):
        handler.addFilter(_without_repeated_traceback)


def _without_repeated_traceback(record: logging.LogRecord) -> bool:
    if record.msg == FAILED and _is_of_task() and _django_writes():
        record.exc_info = record.exc_text = None
    return True


def _is_of_task() -> bool:
    job = CURRENT_JOB.get()
    return job is not None and is_task(job.name)


def _django_writes() -> bool:
    """Whether the project has left Django's receiver of the signal connected, and its LOGGING shows errors of tasks."""
    is_connected = any(key[0] == id(log_task_finished) for key, *_ in task_finished.receivers)
    return is_connected and reaches_console(LOGGER, logging.ERROR)
