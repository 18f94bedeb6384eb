"""Gives a run its resources: wraps the functions of those jobs that ask for some, and of no others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, ExitStack
from typing import Any

from monarq.shared.calls.resource_plan import ResourcePlan
from monarq.shared.jobs.job import Job
from monarq.shared.lane import Lane
from monarq.workers.runs.current_context import RESOURCES, current_context


def plan_of(job: Job[Any, Any], lane: Lane) -> ResourcePlan | None:
    """The plan of a job's resources; None where it asks for none.

    Raises:
        DeclarationError: a factory of it cannot work.
    """
    if not job.signature.resources:
        return None
    return ResourcePlan(job.name, job.signature, is_async=lane is Lane.IO)


def with_resources(
    function: Callable[..., Any], plan: ResourcePlan, *, is_async: bool, leads: bool
) -> Callable[..., Any]:
    """The function of a job, called with its resources.

    Args:
        function: the job's.
        plan: what it asks for.
        is_async: whether it is called on the event loop.
        leads: whether its first argument is the context, which is none of the job's own.
    """
    if plan.by_name is not None:
        return _with_named(function, plan.by_name)
    own = slice(1, None) if leads else slice(None)

    async def call(*args: Any, **kwargs: Any) -> Any:
        value: Any = None
        # What no resource may swallow: without the others the job is not called, and a cancelled run is over.
        failures: list[BaseException] = []
        async with AsyncExitStack() as stack:
            try:
                values = await plan.open(stack, RESOURCES.get(), current_context, (args[own], kwargs))
            except BaseException as error:
                failures.append(error)
                raise
            try:
                value = await function(*args, **kwargs, **values)
            except asyncio.CancelledError as error:
                failures.append(error)
                raise
        if failures:
            raise failures.pop()
        return value

    def call_blocking(*args: Any, **kwargs: Any) -> Any:
        value: Any = None
        failures: list[BaseException] = []
        with ExitStack() as stack:
            try:
                values = plan.open_blocking(stack, RESOURCES.get(), current_context, (args[own], kwargs))
            except BaseException as error:
                failures.append(error)
                raise
            value = function(*args, **kwargs, **values)
        if failures:
            raise failures.pop()
        return value

    return call if is_async else call_blocking


def _with_named(function: Callable[..., Any], by_name: Mapping[str, str]) -> Callable[..., Any]:
    if len(by_name) == 1:
        [(parameter, name)] = by_name.items()

        def call_with_one(*args: Any, **kwargs: Any) -> Any:
            kwargs[parameter] = RESOURCES.get()[name]
            return function(*args, **kwargs)

        return call_with_one

    def call(*args: Any, **kwargs: Any) -> Any:
        named = RESOURCES.get()
        for parameter, name in by_name.items():
            kwargs[parameter] = named[name]
        return function(*args, **kwargs)

    return call
