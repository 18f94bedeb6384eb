"""The resources of a CPU child: those that its lifespans open once, and the job functions that are called with some.

Imported only if a job asks for resources, or the app has a lifespan for the cpu lane.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, Final

from monarq.shared.calls.entering import enter_lifespan
from monarq.shared.calls.resource_plan import ResourcePlan
from monarq.shared.errors import ResourceError
from monarq.shared.jobs.declared_jobs import find_declared
from monarq.shared.jobs.job import Job
from monarq.shared.lane import Lane
from monarq.workers.lanes.child_protocol import Hello
from monarq.workers.lanes.cpu_child.contexts import ChildContexts
from monarq.workers.runs.resources import plan_of, with_resources

_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {}


def open_resources(hello: Hello, contexts: ChildContexts) -> None:
    """Opens the resources that the app's lifespans provide to all jobs of this process.

    Raises:
        ResourceError: a lifespan yields something other than a mapping, or a job asks for an unknown resource.
        BaseException: whatever a lifespan raises.
    """
    for module, qualname in hello.lifespans:
        lifespan: Any = reduce(getattr, qualname.split("."), importlib.import_module(module))
        given = enter_lifespan(contexts.stack, lifespan(), lifespan)
        if given is not None and not isinstance(given, Mapping):
            raise ResourceError(
                f"cpu_lifespan {qualname} must yield a dict of resources by name, or nothing; it yielded {given!r}"
            )
        contexts.resources.update(given or {})
    for name in hello.jobs_with_resources:
        _plan_of(_job_named(name)).check_names(contexts.resources, "cpu_lifespan")


def function_of(name: str) -> Callable[..., Any]:
    """The function of a job, which opens its resources for each call."""
    known = _FUNCTIONS.get(name)
    if known is None:
        job = _job_named(name)
        known = _FUNCTIONS[name] = with_resources(
            job.worker_callable, _plan_of(job), is_async=False, leads=job.takes_context
        )
    return known


def _job_named(name: str) -> Job[Any, Any]:
    known = find_declared(name)
    if known is None:
        raise ResourceError(f"the cpu lane's process finds no job named {name!r} in the modules that it imports")
    return known.job


def _plan_of(job: Job[Any, Any]) -> ResourcePlan:
    plan = plan_of(job, Lane.CPU)
    assert plan is not None
    return plan
