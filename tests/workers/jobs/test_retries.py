"""Another try starts when it was asked for."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.jobs.decorators import job
from monarq.shared.jobs.retry import Retry
from monarq.shared.redis import keys as names
from tests.support.queue_state import server_ms
from tests.support.workers import QUEUE, Recorder, make_worker, put, running


@job
async def come_back() -> None:
    raise Retry(defer=60)


async def test_a_job_waits_as_long_as_it_asked_to(redis: Redis, redis_url: str) -> None:
    recorder = Recorder()
    retry_delay_ms = await server_ms(redis)
    await put(redis, come_back, job_id="later")
    async with running(make_worker(redis_url, [come_back], recorder)):
        await recorder.until("job_retried")
    due_ms = await redis.zscore(QUEUE.queue, "later")
    assert retry_delay_ms + 60_000 <= due_ms <= await server_ms(redis) + 60_000
    assert await redis.get(names.retry("later")) == b"1"
    await redis.flushall()
