"""The outcome does not depend on the lane: what counts is the class that a job raised, where it raised it."""

from __future__ import annotations

import time
from typing import Final

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.parsing import MAX_DURATION_S
from monarq.shared.protocol.queue_ref import DEFAULT_QUEUE
from tests.support.workers import Recorder, dead_letter_of, make_worker, put, result_of, run_burst, running
from tests.workers.runs import outcome_jobs as jobs

TRIES: Final[dict[str, dict[str, int]]] = {
    # What was raised, and the tries that a job has had in the end which retries ApiError, or anything, once.
    "class": {"picky": 2, "any": 2},
    "subclass": {"picky": 2, "any": 2},
    "local": {"picky": 2, "any": 2},
    "registered": {"picky": 2, "any": 2},
    "other": {"picky": 1, "any": 2},
    "turned": {"picky": 1, "any": 2},
    "disguised": {"picky": 1, "any": 2},
    "group": {"picky": 1, "any": 2},
    "exit": {"picky": 1, "any": 1},
    "interrupt": {"picky": 1, "any": 1},
    "cancelled": {"picky": 2, "any": 2},
    "retry": {"picky": 2, "any": 2},
    "retry of its own": {"picky": 2, "any": 2},
    "retry of long ago": {"picky": 2, "any": 2},
    "retry at no time": {"picky": 2, "any": 2},
    "retry some time": {"picky": 2, "any": 2},
    "retry no time": {"picky": 2, "any": 2},
    "unpicklable result": {"picky": 1, "any": 1},
}


@pytest.mark.parametrize("lane", ["io", "thread", "cpu"])
async def test_the_same_outcome_in_each_lane(redis: Redis, redis_url: str, lane: str) -> None:
    for how, policies in TRIES.items():
        for policy in policies:
            job = next(job for job in jobs.ALL if job.name == f"{lane}.{policy}")
            await put(redis, job, how, job_id=f"{policy}: {how}")
    await run_burst(redis_url, jobs.ALL)
    found = {
        how: {policy: (await result_of(redis, f"{policy}: {how}")).job_try for policy in policies}
        for how, policies in TRIES.items()
    }
    assert found == TRIES


@pytest.mark.parametrize("how", ["retry never", "retry at the end of time"])
@pytest.mark.parametrize("lane", ["io", "thread", "cpu"])
async def test_no_wait_is_longer_than_a_duration_may_be(redis: Redis, redis_url: str, lane: str, how: str) -> None:
    job = next(job for job in jobs.ALL if job.name == f"{lane}.any")
    recorder = Recorder()
    await put(redis, job, how, job_id="late")
    async with running(make_worker(redis_url, jobs.ALL, recorder)):
        await recorder.until("job_retried")
    deferred = NativeKeys.of(DEFAULT_QUEUE).key("deferred_cpu" if lane == "cpu" else "deferred")
    due_ms = await redis.zscore(deferred, "late")
    assert due_ms == pytest.approx(1000 * (time.time() + MAX_DURATION_S), abs=60_000)
    await redis.flushall()


@pytest.mark.parametrize("lane", ["io", "thread", "cpu"])
async def test_a_note_that_is_no_text_is_shown_escaped(redis: Redis, redis_url: str, lane: str) -> None:
    """As one with the name of a file in it may be."""
    job = next(job for job in jobs.ALL if job.name == f"{lane}.picky")
    await put(redis, job, "noted", job_id="noted")
    await run_burst(redis_url, jobs.ALL)
    letter = await dead_letter_of(redis, "noted")
    assert letter["error"] == "ValueError: other"
    assert letter["traceback"].endswith("ValueError: other\n    of \\udcff.txt\n")
    assert "ValueError: other" in str((await result_of(redis, "noted")).value)


@pytest.mark.parametrize("lane", ["io", "thread", "cpu"])
async def test_an_exception_that_no_isinstance_works_on_fails_its_job(redis: Redis, redis_url: str, lane: str) -> None:
    job = next(job for job in jobs.ALL if job.name == f"{lane}.picky")
    await put(redis, job, "disguised", job_id="disguised")
    await run_burst(redis_url, jobs.ALL)
    letter = await dead_letter_of(redis, "disguised")
    assert letter["error"] == "tests.workers.runs.outcome_jobs.Disguised: <its __class__ raised LookupError>"
