"""Puts jobs of one name into a queue, each once. See enqueue.lua."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.lane import lane_queue_of
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode, Placement
from monarq.shared.redis.scripts import Argument, check_batch

_SCRIPT = ArqScript.load("jobs/enqueue")

BATCH = 1000
"""The most jobs in one call: Lua unpacks a few values per job onto its stack of 8,000."""


async def enqueue(
    redis: Redis, keys: QueueKeys, placement: Placement, mode: EnqueueMode, jobs: Sequence[tuple[str, bytes]]
) -> list[Enqueued]:
    """Puts the jobs, given as id and payload, into the queue; at most `BATCH` of them.

    Raises:
        ValueError: there are more than `BATCH`.
        RedisError: the call failed; whether it was executed is unknown unless Redis refused it.
    """
    check_batch(jobs, BATCH)
    arguments: list[Argument] = [
        mode.value,
        lane_queue_of(placement.lane),
        placement.due_ms,
        placement.delay_ms,
        placement.ttl_ms,
        placement.tick_ms,
        placement.name,
        int(placement.may_expire),
    ]
    for job_id, payload in jobs:
        arguments += (job_id, payload)
    codes = await _SCRIPT.run_on(redis, keys, arguments)
    return [Enqueued(code) for code in codes] if codes else [Enqueued.ADDED] * len(jobs)
