"""Cancel requests: by which client, when, and what the worker does."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq.monitor.jobs.result_view import view_result
from monarq.shared.errors import JobCancelledError
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.jobs.cancel import cancel, is_cancel_of
from monarq.shared.formats.arq.jobs.enqueue import enqueue
from monarq.shared.formats.arq.keys import ASKED_MARK
from monarq.shared.jobs.decorators import job
from monarq.shared.jobs.job import Job
from monarq.shared.payloads.codec import MSGPACK, PICKLE, Codec
from monarq.shared.payloads.payload import Payload, write_payload
from monarq.shared.protocol.answers import CancelAnswer
from monarq.shared.protocol.enqueue import EnqueueMode, Placement
from tests.support.formats import ARQ_ALONE, ON_BOTH
from tests.support.workers import (
    CODECS,
    QUEUE,
    Recorder,
    dead_letter_of,
    make_worker,
    put,
    result_of,
    run_burst,
    running,
)
from tests.workers.support import worker_jobs as jobs

pytestmark = ON_BOTH


@ARQ_ALONE
async def test_running_job_is_cancelled(redis: Redis, redis_url: str) -> None:
    recorder = Recorder()
    await put(redis, jobs.wait, 30, job_id="stop")
    async with running(make_worker(redis_url, jobs.ALL, recorder)):
        await recorder.until("job_started")
        assert await cancel(redis, QUEUE, "stop") is CancelAnswer.RUNS
        result = await result_of(redis, "stop")
    with pytest.raises(JobCancelledError):
        result.unwrap()
    assert await dead_letter_of(redis, "stop") == {}
    assert not await redis.exists(names.ABORT)


@ARQ_ALONE
@pytest.mark.parametrize(("job", "is_shown"), [(jobs.wait, True), (jobs.spin_on, False)], ids=["io", "cpu"])
async def test_a_cancelled_job_shows_no_frames_but_the_users(
    redis: Redis, redis_url: str, job: Job[..., Any], is_shown: bool
) -> None:
    recorder = Recorder()
    await put(redis, job, 30, job_id="stop")
    async with running(make_worker(redis_url, jobs.ALL, recorder)):
        await recorder.until("job_started")
        await cancel(redis, QUEUE, "stop")
        await result_of(redis, "stop")
    stored = await redis.get(names.result("stop"))
    traceback = view_result(stored, len(stored), None).traceback
    assert ("worker_jobs.py" in traceback) is is_shown
    assert "/workers/lanes/" not in traceback


@ARQ_ALONE
async def test_waiting_job_is_cancelled_before_it_starts(redis: Redis, redis_url: str) -> None:
    recorder = Recorder()
    await put(redis, jobs.plus, 1, 1, job_id="stop", delay_ms=60_000)
    await put(redis, jobs.spin, job_id="stop-cpu", delay_ms=60_000)
    assert await cancel(redis, QUEUE, "stop") is CancelAnswer.WAITS
    assert await cancel(redis, QUEUE, "stop-cpu") is CancelAnswer.WAITS
    assert await cancel(redis, QUEUE, "nobody") is CancelAnswer.UNKNOWN
    await run_burst(redis_url, jobs.ALL, recorder)
    assert recorder.events.count("cancelled_before_start") == 2
    assert "job_started" not in recorder.events
    assert [await dead_letter_of(redis, job_id) for job_id in ("stop", "stop-cpu")] == [{}, {}]


@ARQ_ALONE
@pytest.mark.parametrize("delay_ms", [0, 60_000], ids=["runs", "waits"])
async def test_cancel_of_a_job_whose_producer_s_clock_is_ahead(redis: Redis, redis_url: str, delay_ms: int) -> None:
    ahead_ms = time.time_ns() // 1_000_000 + 300_000
    payload = write_payload(PICKLE, "wait", (30,), {}, ahead_ms)
    await enqueue(redis, QUEUE, Placement(delay_ms=delay_ms), EnqueueMode.NAMED, [("ahead", payload)])
    recorder = Recorder()
    async with running(make_worker(redis_url, jobs.ALL, recorder, codecs=CODECS)):
        if not delay_ms:
            await recorder.until("job_started")
        assert await cancel(redis, QUEUE, "ahead") is (CancelAnswer.WAITS if delay_ms else CancelAnswer.RUNS)
        result = await result_of(redis, "ahead")
    with pytest.raises(JobCancelledError):
        result.unwrap()


@ARQ_ALONE
async def test_a_request_for_an_earlier_job_of_the_same_id_stops_nothing(redis: Redis, redis_url: str) -> None:
    recorder, released = Recorder(), asyncio.Event()

    @job
    async def held() -> str:
        await released.wait()
        return "ended"

    now_ms = time.time_ns() // 1_000_000
    payload = write_payload(PICKLE, held.name, (), {}, now_ms)
    for job_id in ("later", "stop"):
        await enqueue(redis, QUEUE, Placement(), EnqueueMode.NAMED, [(job_id, payload)])
    async with running(make_worker(redis_url, [held], recorder, codecs=CODECS)):
        await recorder.until("job_started", 2)
        await redis.zadd(names.ABORT, {"later": now_ms - 1000, "stop": now_ms + 1000})
        assert not (await result_of(redis, "stop")).success
        released.set()
        assert (await result_of(redis, "later")).value == "ended"


@ARQ_ALONE
async def test_a_job_is_cancelled_though_requests_could_not_be_read_for_a_while(redis: Redis, redis_url: str) -> None:
    recorder = Recorder()
    await put(redis, jobs.wait, 30, job_id="stop")
    async with running(make_worker(redis_url, jobs.ALL, recorder)):
        await recorder.until("job_started")
        await redis.set(names.ABORT, "no set", ex=60)
        await recorder.until("redis_lost")
        await redis.delete(names.ABORT)
        await cancel(redis, QUEUE, "stop")
        await recorder.until("redis_back")
        assert not (await result_of(redis, "stop")).success


@pytest.mark.parametrize(
    ("codec", "asked", "meant"),
    [
        (PICKLE, -1000, False),
        (PICKLE, 1000, True),
        (PICKLE, -1000 + ASKED_MARK, True),
        (MSGPACK, -1000, True),
    ],
    ids=["arq's, asked before the job", "arq's", "by monarq", "of a job by monarq, which forgets what was before it"],
)
def test_which_requests_mean_a_job(codec: Codec, asked: float, meant: bool) -> None:
    et_ms = 1_700_000_000_000
    payload = Payload.read(write_payload(codec, "wait", (), {}, et_ms), CODECS)
    assert is_cancel_of(et_ms + asked, payload) is meant
