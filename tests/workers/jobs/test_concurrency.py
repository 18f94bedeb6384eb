"""Job slots: how many jobs a worker runs at once, and where those go for which it has none free."""

from __future__ import annotations

import asyncio
from itertools import accumulate

from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.counters.counters import read_counters
from monarq.shared.formats.arq.keys import QueueKeys
from tests.support.formats import ARQ_ALONE, ON_BOTH
from tests.support.queue_state import server_ms
from tests.support.slowness import in_time
from tests.support.workers import QUEUE, Recorder, make_worker, put, run_burst, running
from tests.workers.support import worker_jobs as jobs

pytestmark = ON_BOTH


async def test_no_more_run_at_once_than_there_are_slots(redis: Redis, redis_url: str) -> None:
    recorder = Recorder()
    for number in range(6):
        await put(redis, jobs.wait, 0.02, job_id=f"w{number}")
    await run_burst(redis_url, [jobs.wait], recorder, concurrency=2)
    steps = [{"job_started": 1, "job_succeeded": -1}.get(event, 0) for event in recorder.events]
    assert max(accumulate(steps)) == 2


@ARQ_ALONE
async def test_a_cpu_job_that_is_claimed_while_the_lane_is_busy_waits_where_any_lane_finds_it(
    redis: Redis, redis_url: str
) -> None:
    recorder = Recorder()
    await put(redis, jobs.spin_on, 60, job_id="long")
    async with running(make_worker(redis_url, jobs.ALL, recorder, grace_s=0.0)):
        await recorder.until("job_started")
        due_ms = await server_ms(redis)
        await put(redis, "squared", 2, job_id="met", due_ms=due_ms)
        async with in_time(10):
            while await redis.zscore(QUEUE.cpu, "met") is None:
                await asyncio.sleep(0.01)
        assert await redis.zscore(QUEUE.cpu, "met") == due_ms
        assert not await redis.exists(names.in_progress("met"))
    await redis.flushall()


@ARQ_ALONE
async def test_queues_do_not_claim_for_the_same_slot(redis: Redis, redis_url: str) -> None:
    """Each would claim a job for it, and give back what the other was quicker with."""
    queues = [QueueKeys.of(name) for name in ("q:one", "q:two")]
    for keys in queues:
        for number in range(20):
            await put(redis, jobs.plus, number, 1, job_id=f"{keys.queue}:{number}", queue=keys)
    await run_burst(redis_url, jobs.ALL, queues=("q:one", "q:two"), concurrency=1)
    for keys in queues:
        counted = (await read_counters(redis, keys, 0)).queue
        assert (counted["started"], counted["succeeded"], counted.get("handed_back", 0)) == (20, 20, 0)
