"""Returns leased jobs to the queue, to be run later or at once. See requeue.lua."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.protocol.acks import Requeue
from monarq.shared.protocol.run_groups import RunGroups
from monarq.shared.redis.replies import as_ids
from monarq.shared.redis.scripts import Argument, check_batch

_SCRIPT = ArqScript.load("jobs/requeue")

BATCH = 1000
"""The most jobs in one call."""


async def requeue(redis: Redis, keys: QueueKeys, worker: str, requeued: Sequence[Requeue]) -> list[bytes]:
    """Requeues the jobs, at most `BATCH` of them; returns the raw ids of those that no longer belonged to the worker.

    Raises:
        ValueError: there are more than `BATCH`.
        RedisError: the call failed; repeat it.
    """
    check_batch(requeued, BATCH)
    groups = RunGroups()
    jobs: list[Argument] = []
    for each in requeued:
        jobs += (
            each.lease.raw_id,
            each.lease.token,
            groups.add(each.lease, each.name, each.end, each.run_ms),
            each.lane_queue,
            each.due_ms,
            each.delay_ms,
            "" if each.tries is None else each.tries,
            each.note,
            "" if each.unknown_ms is None else each.unknown_ms,
        )
    return as_ids(await _SCRIPT.run_on(redis, keys, (worker, len(groups), *groups.arguments(), *jobs)))
