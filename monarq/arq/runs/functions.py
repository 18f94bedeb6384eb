"""arq's functions and cron jobs, registered as jobs of a worker."""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from typing import Any

from arq.cron import CronJob
from arq.worker import Function

from monarq.arq.client.instrumentation import CARRIER_ARGUMENT, is_instrumented
from monarq.arq.runs.sentry import report_to_sentry
from monarq.shared.errors import DeclarationError
from monarq.shared.jobs.job import Job
from monarq.shared.lane import Lane
from monarq.shared.options.run_options import RunOptions
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.runs.registered_job import FirstArgument, RegisteredJob, with_options
from monarq.workers.runs.retry_policy import RetryPolicy


@dataclass(frozen=True, slots=True)
class ArqFunction:
    """A `Function` or `CronJob` of arq's: a coroutine function whose first argument is the ctx dict."""

    declared: Function | CronJob

    def as_registered_job(self, settings: WorkerSettings) -> RegisteredJob:
        """The job as a worker with these settings runs it."""
        declared = self.declared
        own = RunOptions(declared.timeout_s, _kept_s(declared, settings), declared.max_tries)
        made = RegisteredJob(
            name=declared.name,
            function=report_to_sentry(declared.name, declared.coroutine),
            lane=Lane.IO,
            lane_queue="io",
            first_argument=FirstArgument.CTX_DICT,
            timeout_s=None,
            policy=RetryPolicy(),
            keep_ms=0,
            own=own,
            is_cron=isinstance(declared, CronJob),
            carrier_argument=CARRIER_ARGUMENT if is_instrumented() else None,
        )
        return with_options(made, own.over(settings.run_options))


def _kept_s(declared: Function | CronJob, settings: WorkerSettings) -> float | None:
    """Seconds to keep its result; infinity for forever, which overrides a time, as in arq; None for the worker's."""
    worker_forever = settings.keep_result_s == math.inf
    if worker_forever if declared.keep_result_forever is None else declared.keep_result_forever:
        return math.inf
    return 0.0 if worker_forever and declared.keep_result_s is None else declared.keep_result_s


def as_job(function: object) -> Job[..., Any] | ArqFunction:
    """Turns an item of arq's functions into a job: one declared with monarq is returned unchanged.

    Raises:
        DeclarationError: it is not a job.
    """
    if isinstance(function, (Job, ArqFunction)):
        return function
    if isinstance(function, (Function, CronJob)):
        return ArqFunction(function)
    if inspect.iscoroutinefunction(function):
        return ArqFunction(Function(function.__qualname__, function, None, None, None, None))
    raise DeclarationError(
        f"{function!r} is not a job: put @job before it, or make it an async def with ctx as its first parameter"
    )
