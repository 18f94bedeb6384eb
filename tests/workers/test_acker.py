"""Acknowledgements that Redis does not take."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.keys import DEFAULT_QUEUE, QueueKeys
from tests.support.engines import QUEUE, Recorder, make_engine, put, result_of, running
from tests.workers import engine_jobs as jobs

SPOILT = QueueKeys.of("spoilt")


async def test_what_is_not_taken_for_one_queue_holds_up_no_other(redis: Redis, redis_url: str) -> None:
    journal = Recorder()
    await put(redis, jobs.retry_after, 0.3, job_id="again", queue=SPOILT)
    async with running(make_engine(redis_url, jobs.ALL, journal, queues=(SPOILT.queue, DEFAULT_QUEUE))):
        await journal.until("job_started")
        await redis.rename(SPOILT.queue, "kept")
        await redis.set(SPOILT.queue, "no queue", ex=60)
        await journal.until("job_retried")
        for number in range(3):
            await put(redis, jobs.plus, number, 1, job_id=f"good-{number}")
            assert (await result_of(redis, f"good-{number}")).value == number + 1
        await redis.rename("kept", SPOILT.queue)
        await journal.until("job_started", 5)
    assert journal.events.count("ack_refused") == 0
    assert await redis.zcard(QUEUE.queue) == 0
