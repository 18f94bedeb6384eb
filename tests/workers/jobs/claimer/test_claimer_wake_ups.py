"""How soon an idle worker claims a job: which one is woken, and which one polls."""

from __future__ import annotations

import asyncio
import time

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq import worker_queue
from monarq.shared.formats.arq.jobs.claim import Claim, claim
from monarq.shared.formats.arq.keys import PARKED_SCORE, QueueKeys
from monarq.shared.formats.arq.workers.wake import wake
from monarq.shared.lane import LaneQueue
from monarq.shared.payloads.codec import MSGPACK
from monarq.shared.payloads.payload import write_payload
from monarq.shared.protocol.lease import Claimed
from monarq.workers.process.worker import Worker
from tests.support.formats import OF_ARQ
from tests.support.queue_state import server_ms
from tests.support.slowness import in_time, patience_s
from tests.support.workers import (
    QUEUE,
    Recorder,
    make_worker,
    put,
    result_of,
    running,
)
from tests.workers.support import worker_jobs as jobs

pytestmark = OF_ARQ


async def test_idle_worker_is_woken_at_once(redis: Redis, redis_url: str) -> None:
    recorder = Recorder()
    async with running(make_worker(redis_url, jobs.ALL, recorder, poll_s=300)):
        await recorder.until("worker_started")
        for number in range(5):
            started = time.monotonic()
            await put(redis, jobs.plus, 1, 1, job_id=f"now{number}")
            await result_of(redis, f"now{number}")
            assert time.monotonic() - started < patience_s(10)


async def test_idle_worker_waits_no_longer_than_until_the_next_deferred_job(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is woken when a job becomes due."""
    monkeypatch.setattr(worker_queue, "_LONGEST_WAIT_S", 60.0)
    await put(redis, jobs.plus, 1, 1, job_id="later", delay_ms=30_000)
    await put(redis, jobs.squared, 2, job_id="later-cpu", delay_ms=30_000)
    waits_s: dict[str, float] = {}
    async with redis.monitor() as monitor, running(make_worker(redis_url, jobs.ALL, poll_s=60)), in_time(10):
        async for call in monitor.listen():
            if call["command"].startswith("BLPOP"):
                _, key, wait_s = call["command"].split()
                waits_s[key] = float(wait_s)
            if len(waits_s) == 2:
                break
    assert set(waits_s) == {QUEUE.wake("io"), QUEUE.wake("cpu")}
    assert all(wait_s <= 30 for wait_s in waits_s.values())
    await redis.flushall()


async def test_a_job_that_is_due_within_a_millisecond_is_not_waited_for_without_end(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis takes a wait of 0 for one that has no end."""
    recorder, too_soon = Recorder(), [Claimed([], 0.0002)]

    async def claim_too_soon(client: Redis, keys: QueueKeys, asked: Claim) -> Claimed:
        return too_soon.pop() if too_soon else await claim(client, keys, asked)

    monkeypatch.setattr(worker_queue, "claim", claim_too_soon)
    await put(redis, jobs.plus, 1, 1, job_id="now")
    await redis.delete(QUEUE.wake("io"))
    async with running(make_worker(redis_url, [jobs.plus], recorder)):
        await result_of(redis, "now")
    assert not too_soon
    assert "redis_lost" not in recorder.events


async def test_a_cpu_job_that_another_was_woken_for_starts_when_it_is_due(redis: Redis, redis_url: str) -> None:
    """The worker that heard of it is busy by then, or dead: this one has to look for itself."""
    recorder = Recorder()
    async with running(make_worker(redis_url, jobs.ALL, recorder, poll_s=0.3)):
        await recorder.until("worker_started")
        await put(redis, jobs.squared, 2, job_id="warm")
        await result_of(redis, "warm")
        due_ms = await server_ms(redis) + 1000
        payload = write_payload(MSGPACK, "squared", (3,), {}, due_ms)
        await redis.set(names.job("later"), payload)
        await redis.zadd(QUEUE.cpu, {"later": due_ms})
        await redis.zadd(QUEUE.queue, {"later": PARKED_SCORE})
        result = await result_of(redis, "later")
    assert result.value == 9
    assert result.start_ms - due_ms < 5000


@pytest.mark.parametrize("rests", [False, True], ids=["its slots are taken", "it is paused"])
async def test_a_wake_up_for_which_a_worker_has_no_slot_any_more_is_passed_on(
    redis: Redis, redis_url: str, rests: bool
) -> None:
    recorder, other = Recorder(), QueueKeys.of("other")
    settings = {"queues": (QUEUE.queue, "other"), "concurrency": 1, "poll_s": 30, "grace_s": 0.0}
    async with running(make_worker(redis_url, [jobs.plus, jobs.wait], recorder, **settings)) as worker:
        async with in_time(10):
            while (await redis.info("clients"))["blocked_clients"] < 2:
                await asyncio.sleep(0.01)
        if rests:
            worker.stop_claiming()
        else:
            await put(redis, jobs.wait, 60, job_id="long")
            await recorder.until("job_started")
        await put(redis, jobs.plus, 1, 1, job_id="sum", queue=other)
        async with in_time(5):
            while not await redis.llen(other.wake("io")):
                await asyncio.sleep(0.01)
    await redis.flushall()


async def test_a_worker_that_may_take_nothing_leaves_wake_ups_to_others(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder()
    passed_on: list[QueueKeys] = []

    async def wake_and_note(client: Redis, keys: QueueKeys, lane_queue: LaneQueue) -> None:
        passed_on.append(keys)
        await wake(client, keys, lane_queue)

    monkeypatch.setattr(worker_queue, "wake", wake_and_note)
    resting = make_worker(redis_url, jobs.ALL, recorder)
    resting.paused = True
    await put(redis, jobs.plus, 1, 1, job_id="first")
    async with running(resting):
        await recorder.until("worker_started")
        async with running(make_worker(redis_url, jobs.ALL, poll_s=30)) as awake:
            await result_after(redis, awake, 20)
            assert resting.counters.started == 0
    assert not passed_on


async def result_after(redis: Redis, awake: Worker, rounds: int) -> None:
    """Each job is taken by the one that is awake, without waiting for its next look."""
    for number in range(rounds):
        await put(redis, jobs.plus, 1, 1, job_id=f"job{number}")
        async with in_time(5):
            await result_of(redis, f"job{number}")
    assert awake.counters.succeeded == 1 + rounds
