"""A job that has crashed its workers before is claimed alone, and never left behind."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq.jobs.claim import Claim, claim
from tests.support.queue_state import KEYS, QueueState, leased, seed


@pytest.mark.parametrize("crashed_due", [-8, -5, -2], ids=["first", "between", "last"])
async def test_comes_alone_at_any_position(redis: Redis, crashed_due: int) -> None:
    due = {"a": -7, "b": -6, "c": -4, "d": -3, "x": crashed_due}
    await seed(redis, QueueState(queue=due, payloads=dict.fromkeys(due, "p"), crashes={"x": "2 exit code 7"}))
    claims = await _claim_all(redis, alone=2)
    assert ["x"] in claims
    assert sorted(job_id for taken in claims for job_id in taken) == sorted(due)


async def test_a_lease_that_ran_out_counts_as_a_crash(redis: Redis) -> None:
    due = {"a": -7, "x": leased(-5), "b": -3}
    await seed(redis, QueueState(queue=due, payloads=dict.fromkeys(due, "p"), crashes={"x": "1 exit code 7"}))
    assert await _claim_all(redis, alone=2) == [["a"], ["x"], ["b"]]


async def test_without_the_rule_all_come_together(redis: Redis) -> None:
    due = {"a": -7, "x": -5, "b": -3}
    await seed(redis, QueueState(queue=due, payloads=dict.fromkeys(due, "p"), crashes={"x": "2 exit code 7"}))
    assert await _claim_all(redis, alone=None) == [["a", "x", "b"]]


async def _claim_all(redis: Redis, alone: int | None) -> list[list[str]]:
    claims: list[list[str]] = []
    while leases := (await claim(redis, KEYS, Claim("w", f"t{len(claims)}", "io", 15_000, 10, 100, alone))).leases:
        claims.append([lease.job_id for lease in leases])
    return claims
