"""Puts jobs of one name into a queue, each once. See enqueue.lua."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from redis.asyncio import Redis

from monarq.shared.lane import Lane, lane_queue_of
from monarq.shared.redis.keys import QueueKeys
from monarq.shared.redis.scripts import Argument, Script, check_batch

_SCRIPT = Script.load("jobs/enqueue")

BATCH = 1000
"""The most jobs of one call: Lua unpacks a few values a job onto its stack of 8,000."""


class EnqueueMode(StrEnum):
    """Where the ids of a call come from, and whether it is a repeated one."""

    NEW = "new"
    NAMED = "named"
    REPEATED = "repeated"


class Enqueued(IntEnum):
    """What happened to one job."""

    EXISTED = 0
    ADDED = 1
    ENDED = 2
    """The call was repeated, and a job of this id has ended since: perhaps this one."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and when the jobs of one call wait and run.

    Attributes:
        lane: where they run.
        due_ms: when they are due, unix ms; 0 counts from now.
        delay_ms: ms from now, where due_ms is 0.
        ttl_ms: ms after which a job that has not started is not started any more; 0 for never.
        tick_ms: ms for which a cron tick's id is barred from being enqueued again; 0 for no bar.
        name: the jobs' name, by which they are counted; '' counts them for the queue alone.
        may_expire: whether the score shows that the producer set `ttl_ms`. arq's clients set one for every job, and
            their scores are plain ms.
    """

    lane: Lane = Lane.IO
    due_ms: int = 0
    delay_ms: int = 0
    ttl_ms: int = 0
    tick_ms: int = 0
    name: str = ""
    may_expire: bool = False


async def enqueue(
    redis: Redis, keys: QueueKeys, placement: Placement, mode: EnqueueMode, jobs: Sequence[tuple[str, bytes]]
) -> list[Enqueued]:
    """Puts the jobs, given as id and payload, into the queue; at most `BATCH` of them.

    Raises:
        ValueError: there are more than `BATCH`.
        RedisError: the call failed; whether it was carried out is unknown unless Redis refused it.
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
    return [Enqueued(code) for code in await _SCRIPT.run(redis, keys, arguments)]
