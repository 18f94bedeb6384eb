"""Jobs that no worker knows: health says so while they wait, whoever else works."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from monarq import job
from monarq.monitor.health.overview import read_overviews
from monarq.monitor.health.queue_health import assess_health
from monarq.monitor.queues.series import read_unknown_jobs
from monarq.shared.protocol.queue_ref import QueueRef
from tests.support.queues import BOTH_FORMATS
from tests.support.slowness import in_time
from tests.support.workers import Recorder, make_worker, put, result_of, running


@job(name="known-to-all")
async def known() -> None: ...


@pytest.mark.parametrize("queue", BOTH_FORMATS, ids=lambda queue: queue.format)
async def test_jobs_that_no_worker_knows_are_named_where_the_format_has_names(
    redis: Redis, redis_url: str, queue: QueueRef
) -> None:
    recorder = Recorder()
    async with running(make_worker(redis_url, [known], recorder, queues=(queue,))):
        await put(redis, known, job_id="a", queue=queue)
        await result_of(redis, "a", queue)
        assert await read_unknown_jobs(redis, queue) == ()
        await put(redis, "konwn-to-all", job_id="b", queue=queue)
        await recorder.until("job_unknown")
        async with in_time(15):
            while not (names := await read_unknown_jobs(redis, queue)):
                await asyncio.sleep(0.05)
        assert names == (("konwn-to-all",) if queue.format == "native" else ("(unknown)",))
        finding = assess_health(await read_overviews(redis, [queue], minutes=15))
        assert (finding.state, finding.ref) == ("unknown jobs", queue)
