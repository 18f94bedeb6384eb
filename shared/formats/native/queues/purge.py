"""Deletes waiting jobs. See purge.lua."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.lane import LaneQueue

_SCRIPT = NativeScript.load("queues/purge")

BATCH: Final = 500
"""The most jobs in one call."""


@dataclass(frozen=True, slots=True)
class PurgeBound:
    """The moment at which a purge began: jobs that came or became due later are not affected.

    Attributes:
        ms: Redis' time.
        stamp: the newest stamp of a job that waited.
    """

    ms: bytes
    stamp: bytes


async def purge(
    redis: Redis,
    keys: NativeKeys,
    lane_queue: LaneQueue,
    state: Literal["queued", "deferred"],
    bound: PurgeBound | None = None,
    limit: int = BATCH,
) -> tuple[int, PurgeBound]:
    """Deletes jobs of one lane queue, the oldest first.

    Args:
        redis: the client.
        keys: the queue's keys.
        lane_queue: the lane queue.
        state: "queued" are those that are due at the bound, "deferred" the others.
        bound: when the purge began, from its first call, for any lane queue and state; None for that call.
        limit: how many jobs, at most `BATCH`.

    Returns:
        How many were deleted, 0 if none is left, and the bound for the next call.

    Raises:
        RedisError: the call failed; it may be repeated.
    """
    since = (bound.ms, bound.stamp) if bound else ("", "")
    arguments = (state, min(limit, BATCH), keys.ended, *since)
    removed, ms, stamp = await _SCRIPT.run_on(redis, keys, arguments, lane_queue)
    return removed, PurgeBound(ms, stamp)
