"""A queue of several shards and `monarq worker` as users start it: of two processes one is killed, and it grows."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq.producer import Producer
from monarq.shared.formats.native.keys import FLEET_RECORDS
from tests.acceptance import sharded_jobs as jobs
from tests.cli.command import monarq
from tests.support.command import start_monarq
from tests.support.shards import alive, ids_that_move, keys_of, spread
from tests.support.slowness import in_time, patience_s

WORKERS = 2


@asynccontextmanager
async def serving(redis: Redis, url: str) -> AsyncIterator[None]:
    """A pool that serves the queue; its log is shown where the block fails."""
    with tempfile.TemporaryFile() as log:
        command = ("worker", jobs.__name__, "-q", "big", "--workers", str(WORKERS), "--concurrency", "20")
        process = await start_monarq(*command, url=url, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            async with in_time(30):
                while await redis.hlen(FLEET_RECORDS) < WORKERS:  # type: ignore[misc]
                    await asyncio.sleep(0.02)
            yield
        except BaseException:
            log.seek(0)
            sys.stderr.write(log.read().decode()[-5000:])
            raise
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            async with in_time(40):
                await process.wait()


async def kill_one_that_holds_jobs(redis: Redis, shards: int) -> None:
    """Ends a worker, with SIGKILL, in the middle of its jobs."""
    async with in_time(20):
        while True:
            for shard in range(shards):
                for incarnation in await redis.zrange(keys_of(shard).key("leases"), 0, -1):
                    if await redis.hlen(keys_of(shard).held(incarnation.decode())) > 5:  # type: ignore[misc]
                        os.kill(int(incarnation.split(b":")[-2]), signal.SIGKILL)
                        return
            await asyncio.sleep(0.01)


@pytest.mark.timeout(180)
async def test_nothing_is_lost_where_a_worker_is_killed_and_the_queue_grows(redis: Redis, redis_url: str) -> None:
    await spread(redis, 2)
    moved = ids_that_move(2, 5, 20)
    async with serving(redis, redis_url), Producer(redis_url) as producer, in_time(100):
        handles = await producer.enqueue_many(jobs.run, [(0.2,)] * 300)
        handles += [await producer.enqueue(jobs.run.options(job_id=job_id), 0.0) for job_id in moved]
        await kill_one_that_holds_jobs(redis, 2)
        await spread(redis, 5)
        again = [await producer.enqueue(jobs.run.options(job_id=job_id), 0.0) for job_id in moved]
        assert all(handle.existed for handle in again)
        handles += await producer.enqueue_many(jobs.run, [(0.0,)] * 300)
        assert {handle.job_id[-2:] for handle in handles[-300:]} == {"00", "01", "02", "03", "04"}
        assert len([await handle.result(patience_s(60)) for handle in handles]) == 620
        assert await producer.map(jobs.compute, [(number,) for number in range(20)]) == list(range(0, 40, 2))
    client: Any = redis
    runs = {job_id.decode(): int(count) for job_id, count in (await client.hgetall(jobs.RUNS)).items()}
    assert runs.keys() >= {handle.job_id for handle in handles}
    assert sum(runs.values()) - len(runs) <= 20  # what the killed worker ran has run twice, at most
    assert await alive(redis, 5) == [set()] * 5
    told = json.loads((await monarq("stats", "-q", "big", "--json", url=redis_url)).out)
    [queue] = told["queues"]
    assert (queue["queued"], queue["running"]) == (0, 0)
    shown = [json.loads(line) for line in (await monarq("queues", "list", "--json", url=redis_url)).out.splitlines()]
    assert [each["queue"] for each in shown if "big" in each["queue"]] == ["big"]
