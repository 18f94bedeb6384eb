"""What Sentry's integration of arq sees of an arq worker, for jobs that monarq runs.

sentry-sdk turns that integration on by itself where arq is installed. It puts itself around the functions of arq's own
`Worker`, and from then on takes no notice of the log lines of ``arq.worker``: without this, no error of a job would
reach Sentry. Nothing is imported here, and nothing is done where the integration is not active.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, Final

from arq.worker import JobExecutionFailed, RetryJob
from arq.worker import Retry as ArqRetry

from monarq.shared.jobs.retry import Retry

_NO_ERRORS: Final = (Retry, ArqRetry, RetryJob, JobExecutionFailed)
_HIDDEN: Final = "[Filtered]"


def told_to_sentry(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of an arq job, so that Sentry hears of its runs and errors; itself, where Sentry is not active.

    Each run has a scope and a transaction of its own. Tags and extra data are those that the integration gives:
    ``arq_task_id``, ``arq_task_retry`` and ``arq-job``, with the arguments only where ``send_default_pii`` is set.
    """
    sentry: Any = sys.modules.get("sentry_sdk")
    client = sentry.get_client() if hasattr(sentry, "get_client") else None
    if client is None or client.get_integration("arq") is None:
        return function
    shows_arguments = bool(client.options.get("send_default_pii"))

    @functools.wraps(function)
    async def told(ctx: dict[Any, Any], *args: Any, **kwargs: Any) -> Any:
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

    return told
