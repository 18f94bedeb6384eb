"""The overview of a queue, and that it costs the same however long the queue is."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from monarq.monitor.admin.admin import pause, resume
from monarq.monitor.health.overview import RATE_STEP_S, RATE_STEPS, Overview, read_overviews
from monarq.monitor.queues.health_key import ArqHealth, parse_health_check
from monarq.producer import Producer
from monarq.shared.protocol.queue_ref import QueueRef
from tests.monitor.big_queue import LONG, a_long_queue, assert_none_walks_a_queue, commands_heard, cpu_s
from tests.support.formats import OF_ARQ
from tests.support.queues import ARQ_QUEUE
from tests.support.slowness import in_time
from tests.support.workers import put, run_burst
from tests.workers.support import worker_jobs as jobs

pytestmark = OF_ARQ


async def look(redis: Redis, queue: QueueRef = ARQ_QUEUE, minutes: int | None = 15) -> Overview:
    [overview] = await read_overviews(redis, [queue], minutes=minutes)
    return overview


async def until_a_second_is_over(redis: Redis) -> None:
    """The second that runs is in no step."""
    began_s = int((await redis.time())[0])
    async with in_time(5):
        while int((await redis.time())[0]) == began_s:
            await asyncio.sleep(0.05)


async def test_an_empty_queue(redis: Redis, queue: QueueRef) -> None:
    overview = await look(redis, queue)
    assert (overview.jobs, overview.failures, overview.arq, overview.enqueued_per_s) == ({}, (), None, 0.0)
    assert [step.counters.ended for step in overview.rates] == [0] * RATE_STEPS
    starts = [step.start_s for step in overview.rates]
    assert starts == list(range(starts[0], starts[0] + RATE_STEPS * RATE_STEP_S, RATE_STEP_S))
    assert starts[0] % RATE_STEP_S == 0
    assert {step.length_s for step in overview.rates[:-1]} == {RATE_STEP_S}
    assert starts[-1] + overview.rates[-1].length_s == overview.now_ms // 1000


async def test_outcomes_of_jobs(redis: Redis, queue: QueueRef, redis_url: str) -> None:
    async with Producer(redis_url, queue=queue) as producer:
        await producer.enqueue_many(jobs.plus, [(1, n) for n in range(5)])
    await put(redis, jobs.break_down, "broken", job_id="bad", queue=queue)
    await run_burst(redis_url, jobs.ALL, queues=(queue,))
    await until_a_second_is_over(redis)
    overview = await look(redis, queue)
    assert (overview.window.succeeded, overview.window.failed) == (5, 1)
    assert (overview.jobs["plus"].enqueued, overview.jobs["plus"].succeeded) == (5, 5)
    [failure] = overview.failures
    assert (failure.job_id, failure.name) == ("bad", "break_down")
    assert "broken" in failure.error
    last = overview.last(300).counters
    assert (last.enqueued, last.started, last.succeeded, last.failed, last.dead) == (6, 6, 5, 1, 1)
    assert (await look(redis, queue, minutes=None)).window == overview.window


async def test_the_rate_of_enqueued_jobs(redis: Redis, queue: QueueRef, redis_url: str) -> None:
    async with Producer(redis_url, queue=queue) as producer:
        await producer.enqueue_many(jobs.plus, [(1, n) for n in range(10)])
    await until_a_second_is_over(redis)
    assert (await look(redis, queue)).enqueued_per_s == 2.0


async def test_a_paused_queue(redis: Redis, queue: QueueRef) -> None:
    assert not (await look(redis, queue)).stats.paused
    await pause(redis, queue)
    assert (await look(redis, queue)).stats.paused
    await resume(redis, queue)
    assert not (await look(redis, queue)).stats.paused


@pytest.mark.parametrize(
    ("line", "health"),
    [
        (None, None),
        ("", None),
        ("something else", None),
        (
            "Nov-22 18:00:00 j_complete=12 j_failed=3 j_retried=4 j_ongoing=5 queued=678",
            ArqHealth(12, 3, 4, 5, 678),
        ),
        ("j_complete=1 j_failed=many", ArqHealth(1)),
    ],
)
def test_the_health_check_of_arq(line: str | None, health: ArqHealth | None) -> None:
    assert parse_health_check(line) == health


def _asked(commands: list[tuple[str, list[str]]]) -> int:
    """How many commands there were but for those that a new connection begins with."""
    return sum(name not in ("CLIENT", "HELLO") for name, _ in commands)


async def _looks_cpu_s(redis: Redis) -> float:
    """What twenty looks cost."""
    began_s = await cpu_s(redis)
    for _ in range(20):
        await look(redis)
    return await cpu_s(redis) - began_s


@pytest.mark.timeout(120)
async def test_a_long_queue_costs_no_more_than_an_empty_one(redis: Redis, redis_url: str) -> None:
    for number in range(20):
        await put(redis, jobs.break_down, "broken", job_id=f"bad-{number}")
    await run_burst(redis_url, jobs.ALL)
    await look(redis)  # what was counted last is settled by the first who looks
    async with redis.monitor() as monitor:
        await look(redis)
        with_none = await commands_heard(monitor, redis)
    with_none_s = await _looks_cpu_s(redis)
    async with a_long_queue(redis):
        await look(redis)
        async with redis.monitor() as monitor:
            overview = await look(redis)
            seen = await commands_heard(monitor, redis)
        seen_s = await _looks_cpu_s(redis)
    assert overview.stats.queued + overview.stats.deferred == LONG
    assert_none_walks_a_queue(seen)
    # Where a step begins, it has one second more or less to read.
    assert abs(_asked(seen) - _asked(with_none)) <= RATE_STEP_S
    # Looks that walk the queue take seconds.
    assert seen_s < 2 * with_none_s + 0.5
