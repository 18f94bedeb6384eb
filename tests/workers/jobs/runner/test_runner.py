"""One worker on a real Redis: the end of each kind of job."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import PARKED_SCORE
from monarq.shared.formats.arq.queues.counts import read_counts
from monarq.shared.jobs.decorators import job
from monarq.shared.jobs.retry_exception import Retry
from tests.support.formats import ARQ_ALONE, ON_BOTH, current_queue
from tests.support.queue_state import server_ms
from tests.support.workers import (
    QUEUE,
    Recorder,
    components_of,
    dead_letter_of,
    make_worker,
    put,
    put_raw,
    result_of,
    run_burst,
    running,
)
from tests.workers.support import worker_jobs as jobs

pytestmark = ON_BOTH


@job
async def come_back() -> None:
    raise Retry(defer=60)


@ARQ_ALONE
async def test_result_is_kept(redis: Redis, redis_url: str) -> None:
    await put(redis, jobs.plus, 2, 3, job_id="sum")
    worker = await run_burst(redis_url, jobs.ALL)
    result = await result_of(redis, "sum")
    assert (result.success, result.value, result.name, result.job_try) == (True, 5, "plus", 1)
    assert worker.counters.succeeded == 1
    assert await redis.exists(names.job("sum"), names.in_progress("sum"), names.retry("sum"), QUEUE.queue) == 0


@ARQ_ALONE
async def test_context_describes_the_run(redis: Redis, redis_url: str) -> None:
    await put(redis, jobs.tell, "hello", job_id="told")
    await run_burst(redis_url, jobs.ALL)
    assert (await result_of(redis, "told")).value == ["told", "tell", 1, QUEUE.queue, "hello"]


@ARQ_ALONE
@pytest.mark.parametrize(
    ("job", "args", "kind", "message", "tries"),
    [
        (jobs.break_down, ("broken",), "ValueError", "broken", 1),
        (jobs.leave, (), "SystemExit", "3", 1),
        (
            jobs.retry_always,
            (),
            "monarq.JobDeadError",
            "retry_always asked for a retry, but try 2 was its last",
            2,
        ),
        (jobs.fails_otherwise, (), "ValueError", "another error", 1),
        (jobs.too_long, (), "TimeoutError", "too_long exceeded its timeout of 0.1 s and was cancelled", 1),
        (jobs.too_long_in_a_thread, (), "TimeoutError", "of 0.1 s and is abandoned in its thread", 1),
        (jobs.spin, (), "TimeoutError", "spin exceeded its timeout of 0.2 s", 1),
        (jobs.retry_with_text, (), "monarq.JobDeadError", "try 1 was its last: monarq.", 1),
        (jobs.retry_after_an_error, (), "monarq.JobDeadError", "was its last: OSError: no answer", 1),
        (
            jobs.strange_result,
            (),
            "monarq.ResultTypeError",
            "an object would not come back as an object",
            1,
        ),
    ],
    ids=lambda value: getattr(value, "name", None),
)
async def test_failure_leaves_a_result_and_a_dead_letter(
    redis: Redis, redis_url: str, job: Any, args: tuple[Any, ...], kind: str, message: str, tries: int
) -> None:
    await put(redis, job, *args, job_id="bad")
    worker = await run_burst(redis_url, jobs.ALL)
    result = await result_of(redis, "bad")
    assert not result.success
    assert message in str(result.value)
    letter = await dead_letter_of(redis, "bad")
    assert (letter["error_type"], letter["tries"]) == (kind, tries)
    assert message in letter["error"]
    assert worker.counters.failed == 1
    assert await redis.zscore(QUEUE.dead, "bad") is not None


async def test_other_jobs_go_on_when_one_leaves(redis: Redis, redis_url: str) -> None:
    for number in range(20):
        await put(redis, jobs.leave, job_id=f"leave{number}")
        await put(redis, jobs.plus, number, 1, job_id=f"plus{number}")
    worker = await run_burst(redis_url, jobs.ALL)
    assert (worker.counters.succeeded, worker.counters.failed) == (20, 20)


@pytest.mark.parametrize(("job", "tries"), [(jobs.retry_once, 2), (jobs.flaky_twice, 3)])
async def test_retry_runs_again(redis: Redis, redis_url: str, job: Any, tries: int) -> None:
    await put(redis, job, job_id="again")
    worker = await run_burst(redis_url, jobs.ALL)
    result = await result_of(redis, "again")
    assert (result.value, result.job_try) == (tries, tries)
    assert worker.counters.retried == tries - 1


@ARQ_ALONE
async def test_a_job_waits_as_long_as_it_asked_to(redis: Redis, redis_url: str) -> None:
    recorder = Recorder()
    enqueued_ms = await server_ms(redis)
    await put(redis, come_back, job_id="later")
    async with running(make_worker(redis_url, [come_back], recorder)):
        await recorder.until("job_retried")
    due_ms = await redis.zscore(QUEUE.queue, "later")
    assert enqueued_ms + 60_000 <= due_ms <= await server_ms(redis) + 60_000
    assert await redis.get(names.retry("later")) == b"1"
    await redis.flushall()


async def test_job_that_cancels_itself_uses_its_tries_up(redis: Redis, redis_url: str) -> None:
    await put(redis, jobs.cancel_itself, job_id="self")
    worker = await run_burst(redis_url, jobs.ALL)
    assert worker.counters.retried == 4
    assert not (await result_of(redis, "self")).success


@ARQ_ALONE
async def test_deferred_job_is_not_early(redis: Redis, redis_url: str) -> None:
    await put(redis, jobs.plus, 1, 1, job_id="later", delay_ms=400)
    due = await redis.zscore(QUEUE.queue, "later")
    await run_burst(redis_url, jobs.ALL)
    result = await result_of(redis, "later")
    assert due <= result.start_ms


@ARQ_ALONE
@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"\x85\xa1t", "cannot be decoded as msgpack"),
        (b"", "cannot be decoded as msgpack"),
        (b"\x93\x01\x02\x03", "decodes as msgpack to list"),
        (b"\x81\xa1t\xc0", "the field 'f' is missing"),
        (pickle.dumps({"t": 1, "f": "plus", "a": (1, 1), "k": {}, "et": 1}), "it is pickled"),
    ],
    ids=["cut off", "empty", "a list", "no fields", "pickled"],
)
async def test_undecodable_payload_is_dead_with_its_reason(
    redis: Redis, redis_url: str, payload: bytes, reason: str
) -> None:
    await put_raw(redis, "odd", payload)
    await put(redis, jobs.plus, 1, 1, job_id="good")
    worker = await run_burst(redis_url, jobs.ALL)
    assert reason in (await dead_letter_of(redis, "odd"))["error"]
    assert await redis.hget(QUEUE.dead_letter("odd"), "payload") == payload
    assert reason in str((await result_of(redis, "odd")).value)
    assert worker.counters.succeeded == 1


async def test_unknown_job_is_dead_with_its_reason(redis: Redis, redis_url: str) -> None:
    await put(redis, "no_such_job", job_id="who")
    await run_burst(redis_url, jobs.ALL, keep_unknown_s=0)
    assert "no job is named 'no_such_job'" in (await dead_letter_of(redis, "who"))["error"]


async def test_payload_over_the_limit_is_not_handed_over(redis: Redis, redis_url: str) -> None:
    await put(redis, jobs.tell, "x" * 2000, job_id="large")
    await run_burst(redis_url, jobs.ALL, max_payload=1000)
    assert "the limit is 1,000" in (await dead_letter_of(redis, "large"))["error"]


@ARQ_ALONE
async def test_expired_job_is_dead(redis: Redis, redis_url: str) -> None:
    await put(redis, jobs.plus, 1, 1, job_id="old", ttl_ms=1)
    while await redis.exists(names.job("old")):
        await asyncio.sleep(0.005)
    await run_burst(redis_url, jobs.ALL)
    assert "expired" in (await dead_letter_of(redis, "old"))["error"]


@ARQ_ALONE
async def test_job_that_lost_three_workers_is_dead_before_it_is_decoded(redis: Redis, redis_url: str) -> None:
    await put_raw(redis, "poison", b"anything at all")
    await redis.set(QUEUE.crash("poison"), "3 killed by SIGSEGV", px=60_000)
    await run_burst(redis_url, jobs.ALL)
    letter = await dead_letter_of(redis, "poison")
    assert "the worker or process that ran it was lost 3 times" in letter["error"]
    assert "SIGSEGV" in letter["error"]


@ARQ_ALONE
async def test_result_that_is_not_wanted_is_not_kept(redis: Redis, redis_url: str) -> None:
    await put(redis, jobs.forgotten, job_id="gone")
    worker = await run_burst(redis_url, jobs.ALL)
    assert worker.counters.succeeded == 1
    assert not await redis.exists(names.result("gone"))


async def test_plain_functions_run_beside_the_loop(redis: Redis, redis_url: str) -> None:
    await put(redis, jobs.squared, 7, job_id="cpu")
    await put(redis, jobs.thread_name, job_id="thread")
    await run_burst(redis_url, jobs.ALL)
    assert (await result_of(redis, "cpu")).value == 49
    assert (await result_of(redis, "thread")).value.startswith("monarq-job")


async def test_cpu_jobs_enqueued_by_name_find_their_lane(redis: Redis, redis_url: str) -> None:
    for number in range(30):
        await put(redis, "squared", number, job_id=f"s{number}")
    worker = await run_burst(redis_url, jobs.ALL)
    values = [(await result_of(redis, f"s{number}")).value for number in range(30)]
    assert values == [number * number for number in range(30)]
    assert (worker.counters.succeeded, worker.counters.retried) == (30, 0)


@ARQ_ALONE
async def test_cpu_job_stays_in_the_queue_for_clients_that_look_there(redis: Redis) -> None:
    await put(redis, jobs.squared, 7, job_id="cpu")
    assert await redis.zscore(QUEUE.queue, "cpu") == PARKED_SCORE
    seen = await read_counts(redis, QUEUE)
    assert (seen.queued, seen.deferred, seen.running) == (1, 0, 0)


async def test_long_job_keeps_its_lease_while_the_loop_is_blocked(redis: Redis, redis_url: str) -> None:
    recorder = Recorder()
    await put(redis, jobs.block, 2.5, job_id="long")
    await run_burst(redis_url, jobs.ALL, recorder, lease_s=1.2)
    assert (await result_of(redis, "long")).value == "blocked"
    assert "ack_refused" not in recorder.events
    assert "job_lost" not in recorder.events


@ARQ_ALONE
async def test_lost_lease_cancels_the_run_and_nothing_is_written(redis: Redis, redis_url: str) -> None:
    recorder = Recorder()
    await put(redis, jobs.wait, 30, job_id="taken")
    async with running(make_worker(redis_url, jobs.ALL, recorder, lease_s=0.6)) as worker:
        await recorder.until("job_started")
        await redis.set(names.in_progress("taken"), "somebody else", px=60_000)
        await recorder.until("job_lost")
        components = worker._lifecycle.components
        assert components
        assert len(components.table) == 0
    assert await redis.get(names.in_progress("taken")) == b"somebody else"
    assert not await redis.exists(names.result("taken"))
    await redis.delete(names.in_progress("taken"))


async def test_loss_of_an_older_lease_leaves_the_newer_one_of_the_same_job(redis: Redis, redis_url: str) -> None:
    recorder = Recorder()
    await put(redis, jobs.wait, 0.3, job_id="again")
    worker = make_worker(redis_url, jobs.ALL, recorder)
    async with running(worker):
        await recorder.until("job_started")
        components = components_of(worker)
        [lease] = components.table.of_queue(current_queue())
        # The renewer asked for the lease of the try before, and hears of its loss when the next one has begun.
        components.runner.cancel_lost([replace(lease, token="the one before")])
        await recorder.until("job_succeeded")
    assert "job_lost" not in recorder.events
    assert (await result_of(redis, "again")).success
