"""Jobs from enqueue to result, with everything real: the workers of the command line, one of which is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

from redis.asyncio import Redis

from examples.jobs import add, count_primes, fail, flaky, read_size, sleep_ms
from monarq import Job, Producer
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.protocol.counts import Counts
from tests.support.formats import ON_BOTH, current_name, current_queue
from tests.support.pool import pool
from tests.support.slowness import in_time, patience_s

pytestmark = ON_BOTH


async def test_ten_thousand_mixed_jobs_all_end_as_they_should(redis: Redis, redis_url: str) -> None:
    size = Path(__file__).stat().st_size
    plan: list[tuple[Job[..., int | None], list[tuple[object, ...]], list[int | None]]] = [
        (add, [(n, 1) for n in range(4000)], [n + 1 for n in range(4000)]),
        (sleep_ms, [(n % 20,) for n in range(1000)], [n % 20 for n in range(1000)]),
        (count_primes, [(0, 100)] * 1000, [25] * 1000),
        (read_size, [(__file__,)] * 1000, [size] * 1000),
        (flaky, [(n,) for n in range(1000)], list(range(1000))),
        (fail, [(n,) for n in range(1000)], [None] * 1000),
        (add.options(defer_by=1), [(n, 2) for n in range(1000)], [n + 2 for n in range(1000)]),
    ]
    async with pool("examples.jobs", url=redis_url), Producer(redis_url, queue=current_name()) as producer:
        expected: dict[str, int | None] = {}
        handles = []
        for job, arguments, values in plan:
            enqueued = await producer.enqueue_many(job, arguments)
            expected |= {handle.job_id: value for handle, value in zip(enqueued, values, strict=True)}
            handles += enqueued
        ended: dict[str, int | None] = {}
        async for handle, value in producer.as_completed(handles, timeout=patience_s(60), return_exceptions=True):
            ended[handle.job_id] = None if isinstance(value, Exception) else value
    assert ended == expected
    seen = await _counts(redis)
    assert (seen.queued, seen.deferred, seen.running, seen.dead) == (0, 0, 0, 1000)
    assert (seen.totals["succeeded"], seen.totals["failed"], seen.totals["retried"]) == (9000, 1000, 1000)


async def test_jobs_of_a_killed_worker_end_without_help(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    async with pool("examples.jobs", url=redis_url), Producer(redis_url, queue=current_name()) as producer:
        handles = await producer.enqueue_many(sleep_ms, [(3000,)] * 50)
        async with in_time(20):
            while (await _counts(redis)).running < 50:
                await asyncio.sleep(0.02)
        busiest = await _busiest_worker(redis)
        os.kill(busiest, signal.SIGKILL)
        killed = time.monotonic()
        values = [value async for _, value in producer.as_completed(handles, timeout=patience_s(40))]
        assert values == [3000] * 50
        assert time.monotonic() - killed < patience_s(20)
    assert (await _counts(redis)).totals["crashed"] > 0


async def _busiest_worker(redis: Redis) -> int:
    """The pid of the worker that holds most jobs."""
    queue = current_queue()
    if queue.format == "native":
        keys = NativeKeys.of(queue.name)
        leases = {raw.decode(): keys.held(raw.decode()) for raw in await redis.zrange(keys.key("leases"), 0, -1)}
    else:
        of_arq = QueueKeys.of(queue.name)
        leases = {raw.decode(): of_arq.leases(raw.decode()) for raw in await redis.zrange(of_arq.workers, 0, -1)}
    held = {worker: await redis.hlen(key) for worker, key in leases.items()}
    return int(max(held, key=lambda worker: held[worker]).rsplit(":", 2)[1])


async def _counts(redis: Redis) -> Counts:
    return await monitor_queue(current_queue()).read_counts(redis)
