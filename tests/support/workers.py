"""Workers inside the test's own process: creating and running them, enqueueing jobs, and reading results."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.formats.choice.producers import producer_queue
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.jobs.job import Job, declared_options
from monarq.shared.lane import Lane
from monarq.shared.payloads.codec import MSGPACK, Codecs
from monarq.shared.payloads.payload import write_payload
from monarq.shared.payloads.result import Result
from monarq.shared.protocol.enqueue import EnqueueMode, Placement
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.queue import to_ref
from monarq.shared.redis.connection import UrlSource
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.process.components import Components
from monarq.workers.process.worker import Worker
from tests.support.formats import current_queue, find_result, queue_named
from tests.support.slowness import in_time

QUEUE = QueueKeys.of(DEFAULT_QUEUE)
CODECS = Codecs(allow_pickle=True)


class Recorder(Dispatcher):
    """Records the names of events, and lets a test wait for one."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self._changed = asyncio.Event()

    def __getattribute__(self, name: str) -> Any:
        known = object.__getattribute__(self, name)
        if name.startswith("_") or name in {"events", "until"}:
            return known

        def note(*args: Any, **kwargs: Any) -> None:
            self.events.append(name)
            self._changed.set()

        return note

    async def until(self, event: str, times: int = 1) -> None:
        """Waits until the event has occurred this many times."""
        async with in_time(10):
            while self.events.count(event) < times:
                self._changed.clear()
                await self._changed.wait()


def settings_for_tests(*, arq_rules: bool = False, **changes: Any) -> WorkerSettings:
    """Settings with short times, so that tests are fast; queues given by name have the test's format."""
    rules: dict[str, Any] = {}
    if arq_rules:
        from tests.support.arq_rules import ARQ_RULES

        rules = ARQ_RULES
    given = changes.get("queues", (current_queue(),))
    changes["queues"] = tuple(queue_named(queue) if isinstance(queue, str) else to_ref(queue) for queue in given)
    return WorkerSettings(**{"lease_s": 1.5, "grace_s": 5.0, **rules, **changes})


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[Worker]:
    """Runs the worker during the block; then drains it, and raises its error if it failed."""
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        worker.drain()
        await task


def make_worker(url: str, functions: Sequence[object], events: Dispatcher | None = None, **changes: Any) -> Worker:
    """A worker for these jobs; plain functions are treated as in arq."""
    jobs = [function if isinstance(function, Job) else _arq_job(function) for function in functions]
    return Worker(jobs, settings_for_tests(**changes), UrlSource(url), events=events)


def _arq_job(function: object) -> Job[..., Any]:
    from monarq.arq.runs.functions import as_job

    return as_job(function)


def components_of(worker: Worker) -> Components:
    """The components of a running worker."""
    components = worker._lifecycle.components
    assert components
    return components


async def run_burst(url: str, functions: Sequence[object], events: Dispatcher | None = None, **changes: Any) -> Worker:
    """Runs a worker until no job is left."""
    worker = make_worker(url, functions, events, **{"burst": True, **changes})
    async with in_time(30):
        await worker.run()
    return worker


def _ref(queue: QueueKeys | QueueRef | None) -> QueueRef:
    return queue.ref if isinstance(queue, QueueKeys) else queue or current_queue()


async def put(
    redis: Redis,
    job: Job[..., Any] | str,
    *args: Any,
    job_id: str | bytes,
    queue: QueueKeys | QueueRef | None = None,
    **placing: Any,
) -> None:
    """Enqueues a job with the low-level command, by default into this test's queue."""
    name, lane = (job, Lane.IO) if isinstance(job, str) else (job.name, declared_options(job).lane)
    payload = write_payload(MSGPACK, name, args, {}, time.time_ns() // 1_000_000)
    await put_raw(redis, job_id, payload, queue, **{"lane": lane, **placing})


async def put_raw(
    redis: Redis, job_id: str | bytes, payload: bytes, queue: QueueKeys | QueueRef | None = None, **placing: Any
) -> None:
    """Enqueues bytes, which need not be a valid payload."""
    client: Any = redis
    jobs: Any = [(job_id, payload)]
    await producer_queue(_ref(queue)).enqueue(client, Placement(**placing), EnqueueMode.NAMED, "call", jobs)


async def result_of(redis: Redis, job_id: str, queue: QueueRef | None = None) -> Result:
    """The job's result; waits for it."""
    async with in_time(15):
        while True:
            result = await find_result(redis, job_id, CODECS, queue or current_queue())
            if result is not None:
                return result
            await asyncio.sleep(0.01)


async def dead_letter_of(redis: Redis, job_id: str, queue: QueueKeys | QueueRef | None = None) -> dict[str, Any]:
    """The fields of the job's dead letter; empty if there is none."""
    ref = queue.ref if isinstance(queue, QueueKeys) else queue or current_queue()
    client: Any = redis
    if ref.format == "native":
        named = await client.hget(NativeKeys.of(ref.name).key("letters"), job_id)
        letter = named and named.partition(b"\0")[2]
    else:
        letter = await client.hget(QueueKeys.of(ref.name).dead_letter(job_id), "letter")
    return msgspec.json.decode(letter) if letter else {}
