"""`run_inline`: calls a job as a worker does, immediately and without Redis."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

from monarq.producer.enqueue.arguments import ArgumentEncoder
from monarq.producer.enqueue.serializer import check_not_called, name_of_task
from monarq.shared.calls.callables import name_of
from monarq.shared.calls.entering import enter_lifespan_async
from monarq.shared.calls.run import Run
from monarq.shared.clock import wall_ms
from monarq.shared.interrupts import is_ctrl_c
from monarq.shared.jobs.job import BoundJob, Job, declared_options, types_of
from monarq.shared.jobs.middleware import RunFunction, RunNext, run_functions
from monarq.shared.lane import Lane
from monarq.shared.payloads.codec import MSGPACK, Codecs
from monarq.shared.payloads.payload import Payload, write_payload
from monarq.shared.payloads.result import Result, write_result
from monarq.testing.contexts import context, sync_context
from monarq.testing.jobs import app_parts_of
from monarq.testing.records import raisable
from monarq.testing.resources import Resources, cpu_resources
from monarq.workers.config.app_parts import AppParts, WorkerInfo
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.jobs.registry import from_job
from monarq.workers.process.lifespans import add_resources
from monarq.workers.runs.call_arguments import read_arguments, replaced_arguments
from monarq.workers.runs.current_context import CURRENT_CONTEXT, RESOURCES
from monarq.workers.runs.registered_job import FirstArgument, RegisteredJob

P = ParamSpec("P")
R = TypeVar("R")


async def run_inline(job: Job[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Calls a job as a worker does, without Redis, retries or timeout, and returns what its handle would return.

    The arguments and the result are encoded and decoded again, by the annotations of its function, so that values that
    do not survive this are found. The lifespan of the job's `App` is opened, and its middleware is called. A plain
    `def` job runs in a thread.

    Args:
        job: the job.
        args: its positional arguments.
        kwargs: its keyword arguments.

    Raises:
        TypeError: `job` is not a job. One of Django's tasks is not either: call it, or enqueue it in a sandbox.
        ArgumentsError: the arguments do not fit the job.
        ResultTypeError: the result does not match the annotation.
        JobFailedError: the job raised something that would end the test, such as SystemExit.
        Exception: the job's exception, including `Retry`.
    """
    _check_job(job)
    types = types_of(job)
    sent, named = ArgumentEncoder(Codecs()).encode(job, args, kwargs)
    is_io = declared_options(job).lane is Lane.IO
    made = from_job(job, WorkerSettings(), None if is_io else Lane.THREAD)
    codecs = Codecs()
    payload = Payload.read(write_payload(MSGPACK, job.name, sent, named, wall_ms()), codecs)
    payload.args, payload.kwargs = read_arguments(types, payload)
    value = types.result.encode(await _call(made, payload))
    fields = {"t": 1, "f": job.name, "et": payload.enqueue_ms, "s": True, "r": value, "st": wall_ms(), "ft": wall_ms()}
    data, problem = write_result(MSGPACK, fields)
    if problem is not None:
        raise problem
    read: R = Result.read(data, codecs, decode=types.result.decode).unwrap()
    return read


def _check_job(given: object) -> None:
    if isinstance(given, Job):
        return
    if isinstance(given, BoundJob):
        raise TypeError(f"{given!r} has its arguments already: pass the job and its arguments, run_inline(job, ...)")
    check_not_called(given, "run_inline")
    if name := name_of_task(given):
        raise TypeError(
            f"{name} is a task of Django, not a job: call it with {name}.call(...) or {name}.acall(...), or enqueue it"
            " in a sandbox, which runs it as a worker does"
        )
    raise TypeError(f"{given!r} is not a job: decorate the function with @job")


async def _call(made: RegisteredJob, payload: Payload) -> Any:
    parts = app_parts_of(made.name)
    async with AsyncExitStack() as stack:
        resources = await _open_resources(made, parts, stack)
        run = Run(
            job_id="inline",
            job_name=made.name,
            queue="inline",
            lane=made.lane,
            args=payload.args,
            kwargs=payload.kwargs,
            enqueued_ms=payload.enqueue_ms,
            started_ms=wall_ms(),
            worker_id="inline",
        )
        call: RunNext = partial(_call_function, made, resources, run)
        for function in reversed(run_functions(parts.middleware)):
            call = _around(function, call)
        try:
            return await call(run)
        except BaseException as error:
            if isinstance(error, Exception) or _is_of_the_test(error):
                raise
            raise raisable(made.name, error) from error


def _is_of_the_test(error: BaseException) -> bool:
    """Whether an exception is a Ctrl-C or a cancellation of the test, and not the job's own."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return is_ctrl_c(error)


async def _open_resources(made: RegisteredJob, parts: AppParts, stack: AsyncExitStack) -> Resources:
    """The resources that the lifespans of the job's app provide to its lane."""
    if made.lane_queue == "cpu":
        return stack.enter_context(cpu_resources(parts))
    resources = Resources()
    info = WorkerInfo(worker_id="inline", queues=("inline",), jobs=(made.name,), concurrency=1, threads=1)
    for lifespan in parts.lifespans:
        given = await enter_lifespan_async(stack, lifespan(info), lifespan)
        add_resources(resources, given, f"lifespan {name_of(lifespan)}")
    if parts.attach is not None:
        stack.callback(parts.attach(resources, not parts.cpu_lifespans))
    return resources


async def _call_function(made: RegisteredJob, resources: Resources, run: Run, given: object) -> Any:
    args, kwargs = (run.args, run.kwargs) if given is run else replaced_arguments(made.types, given)
    here = contextvars.copy_context()
    make = context if made.is_io else sync_context
    made_context = make(job_id=run.job_id, job_name=run.job_name, queue=run.queue, worker_id=run.worker_id)
    made_context.resources = MappingProxyType(resources)
    here.run(RESOURCES.set, resources)
    here.run(CURRENT_CONTEXT.set, made_context)
    lead = (made_context,) if made.first_argument is FirstArgument.CONTEXT else ()

    def call() -> Any:
        return made.function(*lead, *args, **kwargs)

    if made.is_io:
        value, error = await asyncio.create_task(_awaited_outcome(call), context=here)
    else:
        value, error = await asyncio.to_thread(here.run, _outcome, call)
    if error is not None:
        raise error
    return value


async def _awaited_outcome(call: Callable[[], Awaitable[Any]]) -> tuple[Any, BaseException | None]:
    """What an io job returned or raised, as a value: a task that raised SystemExit would end the event loop."""
    try:
        return await call(), None
    except BaseException as error:
        if is_ctrl_c(error):
            raise
        return None, error


def _outcome(call: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """The same of a plain job."""
    try:
        return call(), None
    except BaseException as error:  # noqa: BLE001 - it is raised again where it is awaited
        return None, error


def _around(function: RunFunction, call_next: RunNext) -> RunNext:
    return lambda run: function(run, call_next)
