"""arq's functions and cron jobs, registered as jobs of a worker."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from arq.cron import CronJob
from arq.worker import Function

from monarq.arq.client.instrumentation import CARRIER_ARGUMENT, is_instrumented
from monarq.arq.runs.sentry import report_to_sentry
from monarq.shared.errors import DeclarationError
from monarq.shared.jobs.job import Job
from monarq.shared.jobs.retry_policy import RetryPolicy
from monarq.shared.lane import Lane
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.jobs.registry import keep_ms_of, timeout_s_of
from monarq.workers.runs.registered_job import FirstArgument, RegisteredJob


@dataclass(frozen=True, slots=True)
class ArqFunction:
    """A `Function` or `CronJob` of arq's: a coroutine function whose first argument is the ctx dict."""

    declared: Function | CronJob

    def as_registered_job(self, settings: WorkerSettings) -> RegisteredJob:
        """How a worker of these settings runs it."""
        declared, policy = self.declared, settings.retry
        if declared.max_tries is not None:
            policy = RetryPolicy(declared.max_tries, policy.retries, policy.retry_on)
        return RegisteredJob(
            name=declared.name,
            function=report_to_sentry(declared.name, declared.coroutine),
            lane=Lane.IO,
            lane_queue="io",
            first_argument=FirstArgument.CTX_DICT,
            timeout_s=timeout_s_of(declared.timeout_s, settings),
            policy=policy,
            keep_ms=keep_ms_of(declared.keep_result_s, declared.keep_result_forever, settings),
            is_cron=isinstance(declared, CronJob),
            carrier_argument=CARRIER_ARGUMENT if is_instrumented() else None,
        )


def as_job(function: object) -> Job[..., Any] | ArqFunction:
    """Turns an item of arq's functions into a job: one that monarq declares as it is, else one of arq's.

    Raises:
        DeclarationError: it is no job.
    """
    if isinstance(function, (Job, ArqFunction)):
        return function
    if isinstance(function, (Function, CronJob)):
        return ArqFunction(function)
    if inspect.iscoroutinefunction(function):
        return ArqFunction(Function(function.__qualname__, function, None, None, None, None))
    raise DeclarationError(
        f"{function!r} is no job: put @job before it, or make it an async def with ctx as its first parameter"
    )
