"""An unmodified arq client and arq's settings class, with monarq's worker between them."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import arq
from arq.connections import RedisSettings
from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.formats.arq.queues.counts import read_counts
from tests.support.pool import run_worker
from tests.support.slowness import patience_s

JOBS = 2000


async def test_two_thousand_jobs_of_an_arq_client(redis: Redis, redis_url: str) -> None:
    client = await arq.create_pool(RedisSettings(unix_socket_path=urlsplit(redis_url).path))
    try:
        jobs = [await client.enqueue_job("multiply", number) for number in range(JOBS)]
        assert await run_worker("tests.acceptance.arq_app.WorkerSettings", "--burst", url=redis_url) == 0
        values = await asyncio.gather(*[job.result(timeout=patience_s(5)) for job in jobs if job is not None])
        assert values == [3 * number for number in range(JOBS)]
    finally:
        await client.aclose()
    seen = await read_counts(redis, QueueKeys.of(DEFAULT_QUEUE))
    assert (seen.queued, seen.totals["succeeded"], seen.totals["retried"]) == (0, JOBS, JOBS // 10)
