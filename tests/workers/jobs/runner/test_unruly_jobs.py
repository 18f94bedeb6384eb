"""Jobs, and environments, that do what they should not: neither other jobs nor the worker suffer from it."""

from __future__ import annotations

import signal

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.queues.counts import read_counts
from monarq.shared.payloads.codec import PICKLE
from monarq.shared.payloads.payload import write_payload
from monarq.shared.redis.connection import SOCKET_TIMEOUT_S
from tests.support.formats import ARQ_ALONE, ON_BOTH, current_queue
from tests.support.slowness import in_time
from tests.support.workers import (
    CODECS,
    QUEUE,
    Recorder,
    dead_letter_of,
    make_worker,
    put,
    put_raw,
    result_of,
    run_burst,
    running,
)
from tests.workers.jobs.runner import unruly_jobs as jobs
from tests.workers.support.supervisor_process import running_supervisor

pytestmark = ON_BOTH

TARGET = "tests.workers.jobs.runner.unruly_jobs"


async def test_stop_iteration_in_a_thread_is_an_error_like_others(redis: Redis, redis_url: str) -> None:
    await put(redis, jobs.next_of_nothing, job_id="next")
    await run_burst(redis_url, jobs.ALL)
    assert "StopIteration" in str((await result_of(redis, "next")).value)


async def test_a_thread_job_that_raises_is_not_abandoned(redis: Redis, redis_url: str) -> None:
    await put(redis, jobs.cancel_in_thread, job_id="cancel")
    worker = await run_burst(redis_url, jobs.ALL)
    assert not (await result_of(redis, "cancel")).success
    assert worker.counters.abandoned_threads == 0


async def test_threads_that_hang_take_no_slot_from_other_jobs(redis: Redis, redis_url: str) -> None:
    jobs.LET_GO.clear()
    try:
        async with running(make_worker(redis_url, jobs.ALL, threads=1)) as worker:
            for number in range(2):
                await put(redis, jobs.hang_in_thread, job_id=f"hang{number}")
                assert isinstance((await result_of(redis, f"hang{number}")).value, TimeoutError)
            await put(redis, jobs.answer_in_thread, job_id="answer")
            assert (await result_of(redis, "answer")).value == 42
            assert worker.counters.abandoned_threads == 2
    finally:
        jobs.LET_GO.set()


@ARQ_ALONE
async def test_job_that_raises_as_it_is_handed_back_is_handed_back(redis: Redis, redis_url: str) -> None:
    recorder = Recorder()
    await put(redis, jobs.make_something_of_a_cancel, job_id="closed")
    async with running(make_worker(redis_url, jobs.ALL, recorder)) as worker:
        await recorder.until("job_started")
        worker.hand_back()
    assert "job_handed_back" in recorder.events
    assert (await read_counts(redis, QUEUE)).queued == 1
    assert not await redis.exists(names.result("closed"), names.retry("closed"))


async def test_what_a_cpu_job_sets_in_its_context_is_not_for_the_next(redis: Redis, redis_url: str) -> None:
    for name in ("one", "two"):
        await put(redis, jobs.set_tenant, name, job_id=name)
    await run_burst(redis_url, jobs.ALL)
    assert [(await result_of(redis, name)).value for name in ("one", "two")] == ["", ""]


async def test_cpu_jobs_wait_while_no_child_process_starts(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk without the new version, a system without processes: no job is dead of it."""
    recorder = Recorder()
    async with running(make_worker(redis_url, jobs.ALL, recorder)):
        await recorder.until("worker_started")
        monkeypatch.setenv("TEST_BROKEN_MODULE", "1")
        await put(redis, jobs.end_the_process, job_id="end")
        await recorder.until("job_crashed")
        await put(redis, jobs.answer_in_process, job_id="answer")
        await recorder.until("job_retried")
        monkeypatch.delenv("TEST_BROKEN_MODULE")
        result = await result_of(redis, "answer")
    assert (result.value, result.job_try) == (42, 1)


@ARQ_ALONE
async def test_a_long_poll_interval_is_no_call_without_a_reply(redis: Redis, redis_url: str) -> None:
    async with (
        redis.monitor() as monitor,
        running(make_worker(redis_url, [jobs.answer_with_bytes], poll_s=60)),
        in_time(10),
    ):
        async for call in monitor.listen():
            if call["command"].startswith("BLPOP"):
                break
    assert float(call["command"].split()[-1]) < SOCKET_TIMEOUT_S


async def test_exit_in_a_task_of_a_job_ends_that_job_alone(redis: Redis, redis_url: str) -> None:
    async with running_supervisor(TARGET, fake=False, redis_url=redis_url, queues=[current_queue()]) as pool:
        await put(redis, jobs.wait_for_a_moment, job_id="innocent")
        await pool.line("job innocent .*: begins")
        await put(redis, jobs.exit_in_a_task_of_its_own, job_id="exit")
        assert "SystemExit" in str((await result_of(redis, "exit")).value)
        assert (await result_of(redis, "innocent")).value == "waited"
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0
    assert not pool.count("is lost")


@ARQ_ALONE
async def test_a_worker_stops_though_a_job_has_taken_its_signals(redis: Redis, redis_url: str) -> None:
    async with running_supervisor(
        TARGET, fake=False, redis_url=redis_url, grace_s=0.1, queues=[current_queue()]
    ) as pool:
        await put(redis, jobs.take_the_signals, job_id="taker")
        await pool.line("job taker .*: begins")
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0
    assert not await redis.exists(QUEUE.crash("taker"))
    assert (await read_counts(redis, QUEUE)).queued == 1


async def test_a_result_over_the_limit_fails_its_job_alone(redis: Redis, redis_url: str) -> None:
    """One that Redis never takes would be sent again for ever, and no other end would be acknowledged."""
    await redis.config_set("proto-max-bulk-len", 1_048_576)
    try:
        await put(redis, jobs.answer_with_bytes, 2_000_000, job_id="value")
        await put(redis, jobs.answer_with_bytes, 10, job_id="small")
        await run_burst(redis_url, jobs.ALL, max_result=500_000)
    finally:
        await redis.config_set("proto-max-bulk-len", 512 * 1_048_576)
    assert len((await result_of(redis, "small")).value) == 10
    result = await result_of(redis, "value")
    assert not result.success
    assert "limit is 500,000" in str(result.value)


async def test_values_and_errors_that_exit_when_looked_at_fail_their_jobs(redis: Redis, redis_url: str) -> None:
    await put_raw(redis, "value", write_payload(PICKLE, jobs.answer_with_an_exit.name, (), {}, 1))
    await put(redis, jobs.raise_speechless, job_id="error")
    await run_burst(redis_url, jobs.ALL, codecs=CODECS)
    assert "cannot be serialized as pickle: SystemExit: 4" in str((await result_of(redis, "value")).value)
    assert isinstance((await result_of(redis, "error")).value, jobs.Speechless)
    assert "its str() raised SystemExit" in (await dead_letter_of(redis, "error"))["error"]


@ARQ_ALONE
async def test_a_job_whose_own_code_prevents_its_outcome_is_dead_in_the_end(redis: Redis, redis_url: str) -> None:
    await put(redis, jobs.wait_for_a_moment, job_id="innocent")
    await put(redis, jobs.raise_what_cannot_be_judged, job_id="unjudged")
    async with running_supervisor(
        TARGET, fake=False, redis_url=redis_url, lease_s=0.3, queues=[current_queue()]
    ) as pool:
        assert "its lease ran out" in str((await result_of(redis, "unjudged")).value)
        assert (await result_of(redis, "innocent")).value == "waited"
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0
    assert not pool.count("is lost")


async def test_a_payload_outlives_the_delay_of_a_retry(redis: Redis, redis_url: str) -> None:
    """Its time to live, which every job of arq's clients has, is for jobs that have not started."""
    recorder = Recorder()
    async with running(make_worker(redis_url, jobs.ALL, recorder)):
        await recorder.until("worker_started")
        await put(redis, jobs.come_back_later, job_id="later", ttl_ms=1000)
        assert (await result_of(redis, "later")).value == 2


@ARQ_ALONE
async def test_a_worker_stops_though_jobs_have_taken_all_threads(redis: Redis, redis_url: str) -> None:
    async with running_supervisor(
        TARGET, fake=False, redis_url=redis_url, grace_s=0.1, queues=[current_queue()]
    ) as pool:
        await put(redis, jobs.wait_in_threads, job_id="threads")
        await pool.line("job threads .*: begins")
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0
    assert pool.count("goes back to its queue;") == 1
    assert not pool.count("did not stop in time")
