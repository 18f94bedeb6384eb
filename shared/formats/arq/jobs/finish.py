"""Ends jobs for good, with their results and dead letters. See finish.lua."""

from __future__ import annotations

import itertools
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
"""The most jobs in one call."""


async def finish(
    redis: Redis,
    keys: QueueKeys,
    worker: str,
    finished: Sequence[Finish],
    max_dead: int,
    lanes: Mapping[str, str] = NO_LANES,
) -> list[bytes]:
    """Ends the jobs, at most `BATCH` of them; returns the raw ids of those that no longer belonged to the worker.

    Args:
        redis: the client.
        keys: the queue's keys.
        worker: the worker's id.
        finished: the jobs.
        max_dead: how many dead letters the queue keeps.
        lanes: the lanes of jobs that do not run on the event loop, by job name, for display.

    Raises:
        ValueError: there are more than `BATCH`.
        RedisError: the call failed; repeat it.
    """
    check_batch(finished, BATCH)
    groups = RunGroups(lanes)
    by_group: list[list[Finish]] = []
    for each in finished:
        group = groups.add(each.lease, each.name, each.end, each.run_ms)
        if group == len(by_group):
            by_group.append([])
        by_group[group].append(each)
    ends = by_group[0] if len(by_group) == 1 else list(itertools.chain.from_iterable(by_group))
    keeps = {each.keep_ms for each in ends}
    arguments: list[Argument] = [worker, max_dead, len(groups), len(ends), keeps.pop() if len(keeps) == 1 else ""]
    arguments += groups.arguments()
    arguments += [each.lease.raw_id for each in ends]
    arguments += [each.lease.token for each in ends]
    arguments += [each.result for each in ends]
    if keeps:
        arguments += [each.keep_ms for each in ends]
    for place, each in enumerate(ends, 1):
        if each.dead_letter:
            arguments += (place, each.name, each.dead_letter, each.keep_dead_ms)
    return as_ids(await _SCRIPT.run_on(redis, keys, arguments))
