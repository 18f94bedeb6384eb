"""One worker on a real Redis, from its start to its end."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.workers.recover import recover
from monarq.shared.payloads.result import Result
from tests.support.formats import OF_ARQ
from tests.support.slowness import in_time
from tests.support.workers import (
    CODECS,
    QUEUE,
    Recorder,
    make_worker,
    put,
    result_of,
    run_burst,
    running,
)
from tests.workers.support import worker_jobs as jobs

pytestmark = OF_ARQ


async def test_crash_is_counted_and_the_job_runs_again(redis: Redis, redis_url: str) -> None:
    recorder = Recorder()
    await put(redis, jobs.wait, 0.5, job_id="crashed")
    async with running(make_worker(redis_url, jobs.ALL, recorder)) as worker:
        await recorder.until("job_started")
        # What the supervisor does for a worker that it saw die.
        assert await recover(redis, QUEUE, worker.worker_id, "killed by SIGKILL") == [b"crashed"]
        async with running(make_worker(redis_url, jobs.ALL)):
            result = await result_of(redis, "crashed")
    assert (result.value, result.job_try) == ("waited", 1)
    assert not await redis.exists(QUEUE.crash("crashed"))


async def test_two_queues_are_served(redis: Redis, redis_url: str) -> None:
    slow = QueueKeys.of("slow")
    await put(redis, jobs.plus, 1, 1, job_id="one")
    await put(redis, jobs.plus, 2, 2, job_id="two", queue=slow)
    await run_burst(redis_url, jobs.ALL, queues=(QUEUE.queue, "slow"))
    assert (await result_of(redis, "one")).value == 2
    assert (await result_of(redis, "two")).queue == "slow"


async def test_record_is_there_while_the_worker_lives(redis: Redis, redis_url: str) -> None:
    recorder = Recorder()
    async with running(make_worker(redis_url, jobs.ALL, recorder)) as worker:
        await recorder.until("worker_started")
        async with in_time(5):
            while not await redis.zrange(QUEUE.workers, 0, -1):
                await asyncio.sleep(0.01)
        assert await redis.get(QUEUE.worker(worker.worker_id)) is not None
    assert await redis.zrange(QUEUE.workers, 0, -1) == []
    assert not await redis.exists(QUEUE.worker(worker.worker_id), QUEUE.leases(worker.worker_id))


async def test_thousand_jobs_end_once_each(redis: Redis, redis_url: str) -> None:
    for number in range(1000):
        await put(redis, jobs.plus, number, 1, job_id=f"n{number}")
    worker = await run_burst(redis_url, jobs.ALL, lease_s=15.0)
    results = await redis.mget([names.result(f"n{number}") for number in range(1000)])
    assert [Result.read(data, CODECS).value for data in results] == [number + 1 for number in range(1000)]
    assert (worker.counters.started, worker.counters.succeeded) == (1000, 1000)
