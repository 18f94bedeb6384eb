"""What has ended last: a few jobs of each acknowledgement, so that a person sees what is being done.

At full speed it is a sample; every job that failed for good stands among the dead letters.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final, cast

from redis.asyncio import Redis

from monarq.monitor.jobs.lanes import lane_named
from monarq.shared.lane import LaneName
from monarq.shared.redis.keys import QueueKeys
from monarq.shared.redis.scripts import text

MOST: Final = 500
"""How many are kept."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that has ended.

    Attributes:
        job_id: its id.
        name: its name, '' where its payload did not tell.
        state: "done", "failed", "dead" (failed, with a dead letter) or "aborted".
        ended_ms: when, unix ms by Redis' clock.
        run_ms: how long its function ran; of jobs that were alike and ended together, their mean. None where it was not
            called.
        lane: the lane that it ran in.
    """

    job_id: str
    name: str
    state: str
    ended_ms: int
    run_ms: int | None
    lane: LaneName = "io"


async def read_recent(redis: Redis, queue: str, limit: int = 50) -> list[Ended]:
    """The last ones, newest first.

    Raises:
        RedisError: Redis did not answer.
    """
    entries = await cast("Awaitable[list[bytes]]", redis.lrange(QueueKeys.of(queue).recent, 0, min(limit, MOST) - 1))
    return [_read(entry) for entry in entries]


def _read(entry: bytes) -> Ended:
    ended_ms, state, run_ms, name, job_id, *lane = entry.split(b"\0", 5)
    ran_ms = int(run_ms) if run_ms else None
    return Ended(
        text(job_id), text(name), text(state), int(ended_ms), ran_ms, lane_named(text(*lane) if lane else None)
    )
