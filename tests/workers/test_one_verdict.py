"""Whether a job is tried again does not depend on its lane: the classes count that it raised, where it raised them."""

from __future__ import annotations

from typing import Final

import pytest
from redis.asyncio import Redis

from tests.support.engines import put, result_of, run_burst
from tests.workers import verdict_jobs as jobs

TRIES: Final[dict[str, dict[str, int]]] = {
    # What was raised, and the tries that a job has had in the end which retries ApiError, or anything, once.
    "class": {"picky": 2, "any": 2},
    "subclass": {"picky": 2, "any": 2},
    "local": {"picky": 2, "any": 2},
    "other": {"picky": 1, "any": 2},
    "turned": {"picky": 1, "any": 2},
    "group": {"picky": 1, "any": 2},
    "exit": {"picky": 1, "any": 1},
    "interrupt": {"picky": 1, "any": 1},
    "cancelled": {"picky": 2, "any": 2},
    "retry": {"picky": 2, "any": 2},
    "retry of its own": {"picky": 2, "any": 2},
    "unpicklable result": {"picky": 1, "any": 1},
}


@pytest.mark.parametrize("lane", ["io", "thread", "cpu"])
async def test_one_verdict_in_each_lane(redis: Redis, redis_url: str, lane: str) -> None:
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
