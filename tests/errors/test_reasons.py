"""What is told of jobs that died without a word of their own: by their names, and in sentences that are true."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names
from monarq.shared.payloads.codec import MSGPACK, PICKLE, Codec
from monarq.shared.payloads.payload import write_payload
from monarq.workers.reporting.worker_log import WorkerLog
from tests.errors import jobs
from tests.support.formats import OF_ARQ
from tests.support.workers import CODECS, QUEUE, Dispatcher, dead_letter_of, put, put_raw, result_of, run_burst

pytestmark = OF_ARQ


@pytest.mark.parametrize("codec", [MSGPACK, PICKLE], ids=lambda codec: codec.name)
@pytest.mark.parametrize("size", [1, 100_000])
async def test_a_poison_job_dies_by_its_name(
    redis: Redis, redis_url: str, codec: Codec, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    await put_raw(redis, "poison", write_payload(codec, "raise-io", ("x" * size,), {}, 1_700_000_000_000))
    await redis.set(QUEUE.crash("poison"), "3 its worker process was killed by SIGKILL", px=60_000)
    await run_burst(redis_url, jobs.ALL, Dispatcher(WorkerLog()), codecs=CODECS)
    said = "the worker or process that ran it was lost 3 times; most recently: its worker process was killed by SIGKILL"
    assert (await dead_letter_of(redis, "poison"))["error"].endswith(said)
    assert (await result_of(redis, "poison")).name == "raise-io"
    [line] = [record.getMessage() for record in caplog.records if "poison" in record.getMessage()]
    assert line.startswith("poison:raise-io is dead: ")
    assert line.endswith(said)


async def test_a_payload_that_redis_dropped_is_reported_as_that(redis: Redis, redis_url: str) -> None:
    await put(redis, jobs.RAISE["io"], "plain", job_id="evicted")
    await put(redis, jobs.RAISE["cpu"], "plain", job_id="evicted-cpu")
    await redis.delete(names.job("evicted"), names.job("evicted-cpu"))
    await run_burst(redis_url, jobs.ALL)
    for job_id in ("evicted", "evicted-cpu"):
        error = (await dead_letter_of(redis, job_id))["error"]
        assert "its payload is gone" in error
        assert "maxmemory-policy noeviction" in error
        assert "job expired" not in error


@pytest.mark.parametrize("lane", ["io", "cpu"])
@pytest.mark.parametrize("delay_ms", [0, 5])
async def test_a_job_whose_time_was_over_has_expired(redis: Redis, redis_url: str, lane: str, delay_ms: int) -> None:
    await put(redis, jobs.RAISE[lane], "plain", job_id="late", ttl_ms=10, delay_ms=delay_ms, may_expire=True)
    while await redis.exists(names.job("late")):
        await asyncio.sleep(0.005)
    await run_burst(redis_url, jobs.ALL)
    error = (await dead_letter_of(redis, "late"))["error"]
    assert "job expired" in error
    assert "maxmemory-policy noeviction" in error, "some policies evict just what has a time to live"
    assert "gone" not in error
