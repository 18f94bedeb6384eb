"""Ends jobs for good, with their results and dead letters. See finish.lua."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.protocol.acks import Finish
from monarq.shared.protocol.run_groups import NO_LANES, RunGroups
from monarq.shared.redis.replies import as_ids
from monarq.shared.redis.scripts import Argument, check_batch

_SCRIPT = ArqScript.load("jobs/finish")

BATCH = 1000
"""The most jobs of one call."""


async def finish(
    redis: Redis,
    keys: QueueKeys,
    worker: str,
    finished: Sequence[Finish],
    max_dead: int,
    lanes: Mapping[str, str] = NO_LANES,
) -> list[bytes]:
    """Ends the jobs, at most `BATCH` of them; returns the raw ids of those that were not the worker's any more.

    Args:
        redis: the client.
        keys: the queue's keys.
        worker: the worker's id.
        finished: the jobs.
        max_dead: how many dead letters the queue keeps.
        lanes: the lanes of jobs that do not run on the event loop, by job name, for people.

    Raises:
        ValueError: there are more than `BATCH`.
        RedisError: the call failed; repeat it.
    """
    check_batch(finished, BATCH)
    groups = RunGroups(lanes)
    jobs: list[Argument] = []
    for each in finished:
        lease = each.lease
        jobs += (
            lease.raw_id,
            lease.token,
            groups.add(lease, each.name, each.status, each.run_ms),
            each.keep_ms,
            each.result,
            each.dead_letter,
            each.keep_dead_ms,
        )
    return as_ids(await _SCRIPT.run_on(redis, keys, (worker, max_dead, len(groups), *groups.arguments(), *jobs)))
