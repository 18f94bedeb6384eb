"""Sentry: reports runs and errors of arq's jobs like Sentry's arq integration does for arq's own worker.

sentry-sdk enables that integration by itself if arq is installed. It wraps the functions of arq's own `Worker`, and
then ignores the log lines of ``arq.worker``: without this module, no error of a job would reach Sentry. Nothing of
Sentry is imported here, and nothing is done if the integration is not active.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, Final

from arq.worker import JobExecutionFailed, RetryJob
from arq.worker import Retry as ArqRetry

from monarq.shared.jobs.retry_exception import Retry

_NO_ERRORS: Final = (Retry, ArqRetry, RetryJob, JobExecutionFailed)
_HIDDEN: Final = "[Filtered]"


def report_to_sentry(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps the function of an arq job so that its runs and errors are reported; without Sentry, returns it unchanged.

    Each run has its own scope and transaction. Tags and extra data are those of the integration:
    ``arq_task_id``, ``arq_task_retry`` and ``arq-job``, with the arguments only if ``send_default_pii`` is set.
    """
    sentry: Any = sys.modules.get("sentry_sdk")
    client = sentry.get_client() if hasattr(sentry, "get_client") else None
    if client is None or client.get_integration("arq") is None:
        return function
    shows_arguments = bool(client.options.get("send_default_pii"))

    @functools.wraps(function)
    async def reported(ctx: dict[Any, Any], *args: Any, **kwargs: Any) -> Any:
        shown = (args, kwargs) if shows_arguments else (_HIDDEN, _HIDDEN)
        with sentry.isolation_scope() as scope:
            scope.clear_breadcrumbs()
            scope.set_tag("arq_task_id", ctx["job_id"])
            scope.set_tag("arq_task_retry", ctx["job_try"] > 1)
            scope.set_extra("arq-job", {"task": name, "retry": ctx["job_try"], "args": shown[0], "kwargs": shown[1]})
            with sentry.start_transaction(op="queue.task.arq", name=name, source="task") as transaction:
                transaction.set_status("ok")
                try:
                    return await function(ctx, *args, **kwargs)
                except _NO_ERRORS:
                    transaction.set_status("aborted")
                    raise
                except Exception as error:
                    sentry.capture_exception(error)
                    raise

    return reported
