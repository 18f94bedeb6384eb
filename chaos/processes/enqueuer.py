"""A process that enqueues: ``python -m chaos.processes.enqueuer PLAN``, where the plan is JSON.

It records each enqueue that returned, raised, or has an unknown outcome. A job that is not acknowledged is not enqueued
again, so that the checker can compare the queue with what it acknowledged. After SIGTERM it exits once its calls have
ended.
"""

from __future__ import annotations

import asyncio
import math
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
from arq import create_pool
from arq.connections import RedisSettings
from redis.exceptions import RedisError

from chaos.checks.due import Due
from chaos.checks.ledger import ACKED, REFUSED, SILENT, UNKNOWN, Ledger
from chaos.queues import VIEWS
from monarq import EnqueueUnknownError, MonarqError, Producer, Queue
from monarq.producer import named
from monarq.shared.protocol.queue_ref import Format

AT_ONCE = 32
ENDLESS: Final = 1_000_000
"""Enqueue until SIGTERM from the scenario."""


class Plan(msgspec.Struct, frozen=True):
    """What to enqueue.

    Attributes:
        url: the URL of Redis, perhaps of a proxy in front of it.
        ledger: the ledger's directory.
        client: "monarq" or "arq".
        count: how many jobs.
        per_second: how many jobs per second; 0 for as many as possible.
        longest_ms: the upper limit of the random duration that each job gets as its argument.
        shortest_ms: the lower limit.
        job: the job's name.
        prefix: the prefix of the ids.
        named: choose the ids here, and enqueue by name and id, as users with ids of their own do.
        codec: monarq's payload format.
        seed: the seed of the random durations.
        retry_for_s: how long monarq's producer retries, in seconds.
        longest_defer_s: the upper limit of the random delay after which each job is due.
        largest_bytes: the upper limit of the random bytes that each job carries; 0 for none.
        queue_format: the format of the queue.
        queue: the queue's name; "" for the queue of that format in most scenarios.
    """

    url: str
    ledger: str
    client: str = "monarq"
    count: int = 1000
    per_second: float = 0
    longest_ms: int = 20
    shortest_ms: int = 0
    job: str = "work"
    prefix: str = "job"
    named: bool = True
    codec: str = "msgpack"
    seed: int = 0
    retry_for_s: float = 60.0
    longest_defer_s: float = 0.0
    largest_bytes: int = 0
    queue_format: Format = "native"
    queue: str = ""


Put = Callable[[str, int], Awaitable[None]]


async def run(plan: Plan) -> None:
    """Enqueues all jobs of the plan."""
    ledger = Ledger(Path(plan.ledger), f"enqueuer-{plan.client}")
    rng = random.Random(plan.seed)
    durations = (rng.randint(plan.shortest_ms, plan.longest_ms) for _ in range(plan.count))
    if plan.client == "arq":
        pool = await create_pool(RedisSettings.from_dsn(plan.url))
        await _pace(plan, durations, lambda job_id, ms: _put_by_arq(pool, ledger, plan, job_id, ms))
        await pool.aclose()
        return
    codec: Any = plan.codec
    ref = VIEWS[plan.queue_format].ref
    queue = Queue(plan.queue or ref.name, format=ref.format)
    async with Producer(plan.url, queue=queue, codec=codec, retry_for=plan.retry_for_s) as producer:
        await _pace(plan, durations, lambda job_id, ms: _put_by_monarq(producer, ledger, plan, job_id, ms))


async def _pace(plan: Plan, durations: Iterable[int], put: Put) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def put_one(number: int, ms: int) -> None:
        try:
            await put(f"{plan.prefix}-{number}", ms)
        finally:
            gate.release()

    started_s = time.monotonic()
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    async with asyncio.TaskGroup() as puts:
        for number, ms in enumerate(durations):
            if stopping.is_set():
                return
            if plan.per_second:
                due_s = started_s + number / plan.per_second - time.monotonic()
                if due_s > 0:
                    await asyncio.sleep(due_s)
            await gate.acquire()
            puts.create_task(put_one(number, ms))


async def _put_by_monarq(producer: Producer, ledger: Ledger, plan: Plan, job_id: str, ms: int) -> None:
    options: dict[str, Any] = {"job_id": job_id} if plan.named else {}
    defer_s = 0.0
    if plan.longest_defer_s:
        options["defer_by"] = defer_s = random.Random(f"{plan.seed} {job_id}").uniform(0, plan.longest_defer_s)
    chosen: Any = named(plan.job).options(**options) if options else named(plan.job)
    load = (_load(plan, job_id),) if plan.largest_bytes else ()
    due = Due(defer_s, time.monotonic_ns())
    try:
        handle = await producer.enqueue(chosen, ms, *load)
    except EnqueueUnknownError as error:
        for unknown_id in error.job_ids:
            ledger.note(UNKNOWN, unknown_id, note=str(error))
    except (MonarqError, RedisError, OSError) as error:
        ledger.note(REFUSED, job_id if plan.named else "", note=str(error))
    else:
        ledger.note(SILENT if handle.existed else ACKED, handle.job_id, note=due.note())


def _load(plan: Plan, job_id: str) -> bytes:
    """Random bytes from 1 kB up; a size is as likely as its double."""
    rng = random.Random(f"{plan.seed} {job_id} load")
    return rng.randbytes(
        min(plan.largest_bytes, round(1000 * 2 ** rng.uniform(0, math.log2(plan.largest_bytes / 1000))))
    )


async def _put_by_arq(pool: Any, ledger: Ledger, plan: Plan, job_id: str, ms: int) -> None:
    try:
        job = await pool.enqueue_job(plan.job, ms, _job_id=job_id)
    except (RedisError, OSError) as error:
        ledger.note(UNKNOWN, job_id, note=str(error))
    else:
        # None means that the job exists already, but none of these ids was used before.
        ledger.note(SILENT if job is None else ACKED, job_id)


if __name__ == "__main__":
    asyncio.run(run(msgspec.json.decode(sys.argv[1], type=Plan)))
