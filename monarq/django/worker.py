"""What `manage.py monarq_worker` runs: importing this module sets Django up and makes a job of each task.

It is a target as others are: ``DJANGO_SETTINGS_MODULE=shop.settings monarq worker monarq.django.worker``. It has the
tasks of the project, and the jobs, crons and listeners in the modules `tasks` and `jobs` of its applications. Where the
command line names no Redis and no queues, they are those of the backends in TASKS.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from inspect import iscoroutinefunction
from typing import Any

import monarq.django.ready  # noqa: F401 - first: what follows needs Django
from monarq.django.declared import discover_tasks, own_values
from monarq.django.options import lane_of
from monarq.django.runs import async_run, plain_run
from monarq.django.served import BACKEND_VARIABLE, queues_of, redis_of, served_backends
from monarq.django.tracebacks import leave_tracebacks_to_django
from monarq.shared.errors import TargetError
from monarq.shared.jobs.cron_declaration import Cron
from monarq.shared.jobs.decorators import job
from monarq.shared.jobs.job import Job
from monarq.shared.jobs.retry_exception import is_retry_request
from monarq.shared.options.retry import exception_classes
from monarq.shared.options.run_options import RunOptions
from monarq.workers.config.module_defaults import ModuleDefaults
from monarq.workers.events.listener import Listener
from monarq.workers.runs.import_path import import_first
from monarq.workers.runs.retry_policy import RetryPolicy


def _job_of(task: Any) -> Job[Any, Any]:
    backend = task.get_backend()
    given = getattr(backend, "options", {})
    options = dict(given.get("job", {}))
    is_async = iscoroutinefunction(task.func)
    if is_async:
        options.pop("memory", None)  # the limit of a process, which they share with others
    function = (async_run if is_async else plain_run)(task, type(backend), _will_retry(options))
    # Where a child process of the cpu lane finds it: this module declares it, when it is imported there.
    function.__module__, function.__qualname__ = __name__, task.func.__qualname__
    return job(name=task.module_path, lane="io" if is_async else lane_of(given), **options)(function)


def _will_retry(options: dict[str, Any]) -> Callable[[BaseException, int], bool]:
    run = RunOptions.read(retry=options.get("retry"), max_tries=options.get("max_tries"))
    wanted = exception_classes(options.get("retry_on", Exception), "retry_on")
    unwanted = exception_classes(options.get("give_up_on", ()), "give_up_on")
    policy = RetryPolicy(run.max_tries, run.retry, wanted, unwanted)

    def will_retry(error: BaseException, job_try: int) -> bool:
        if is_retry_request(error):
            return job_try < policy.limit
        if not isinstance(error, wanted) or isinstance(error, unwanted):
            return False
        return policy.wait_s(job_try, error) is not None

    return will_retry


def _load() -> dict[str, object]:
    found: dict[str, object] = {f"task_{path}": _job_of(task) for path, task in discover_tasks().items()}
    backends = served_backends(os.environ.get(BACKEND_VARIABLE))
    if backends:
        found["defaults"] = ModuleDefaults(partial(redis_of, backends), queues_of(backends))
    own = (value for value in own_values() if isinstance(value, (Job, Cron, Listener)))
    found |= {f"own_{number}": value for number, value in enumerate(own)}
    if not any(isinstance(value, Job) for value in found.values()):
        raise TargetError(
            "this project has no task: put @task before functions in a module `tasks` of an application in"
            " INSTALLED_APPS, and name MonarqBackend in TASKS"
        )
    return found


# The modules of cpu jobs may import models.
import_first("monarq.django.ready")
globals().update(_load())
leave_tracebacks_to_django()
