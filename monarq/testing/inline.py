"""`run_inline`: a job called as a worker calls it, here and now, without Redis."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any, ParamSpec, TypeVar

from monarq.producer.enqueue.arguments import ArgumentEncoder
from monarq.shared.clock import wall_ms
from monarq.shared.jobs.job import Job, declared_options, types_of
from monarq.shared.lane import Lane
from monarq.shared.payloads.codec import MSGPACK, Codecs
from monarq.shared.payloads.payload import Payload, write_payload
from monarq.shared.payloads.result import Result, write_result
from monarq.testing.contexts import context, sync_context
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.jobs.registry import from_job
from monarq.workers.runs.call_types import read_arguments, write_value
from monarq.workers.runs.registered_job import FirstArgument, RegisteredJob

P = ParamSpec("P")
R = TypeVar("R")


async def run_inline(job: Job[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Calls a job as a worker does, and returns what its handle would: all but Redis, its tries and its timeout.

    Its arguments and its result are written and read again, by the annotations of its function, so that what does not
    survive that is found. A plain `def` job runs in a thread.

    Args:
        job: the job.
        args: its positional arguments.
        kwargs: its keyword arguments.

    Raises:
        ArgumentsError: the arguments do not fit the job.
        ResultTypeError: what it returned is not what its annotation says.
        Exception: what the job raises, `Retry` as well.
    """
    types = types_of(job)
    sent, named = ArgumentEncoder(Codecs()).encode(job, args, kwargs)
    is_io = declared_options(job).lane is Lane.IO
    made = from_job(job, WorkerSettings(), None if is_io else Lane.THREAD)
    codecs = Codecs()
    payload = Payload.read(write_payload(MSGPACK, job.name, sent, named, wall_ms()), codecs)
    payload.args, payload.kwargs = read_arguments(types, payload)
    value = write_value(types, payload, await _call(made, payload), is_kept=True)
    fields = {"t": 1, "f": job.name, "et": payload.enqueue_ms, "s": True, "r": value, "st": wall_ms(), "ft": wall_ms()}
    data, problem = write_result(MSGPACK, fields)
    if problem is not None:
        raise problem
    read: R = Result.read(data, codecs, decode=types.result.decode).unwrap()
    return read


async def _call(made: RegisteredJob, payload: Payload) -> Any:
    lead: tuple[object, ...] = ()
    if made.first_argument is FirstArgument.CONTEXT:
        lead = ((context if made.is_io else sync_context)(job_name=made.name),)
    if made.is_io:
        return await made.function(*lead, *payload.args, **payload.kwargs)
    here = contextvars.copy_context()
    return await asyncio.to_thread(here.run, lambda: made.function(*lead, *payload.args, **payload.kwargs))
