"""Recently ended jobs: a sample of a few jobs of each acknowledgement, and the lane that an ended job ran in.

At full speed it is a sample; every job that failed for good is among the dead letters.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final, cast

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.lane import LANE_NAMES, LaneName
from monarq.shared.redis.replies import text

MOST: Final = 500
"""How many are kept."""


@dataclass(frozen=True, slots=True)
class EndedJob:
    """A job that has ended.

    Attributes:
        job_id: its id.
        name: its name, '' where its payload has none.
        state: "done", "failed", "dead" (failed, with a dead letter) or "aborted".
        ended_ms: when, unix ms by Redis' clock.
        run_ms: how long its function ran; of similar jobs that ended together, the mean. None where it was not called.
        lane: the lane that it ran in.
    """

    job_id: str
    name: str
    state: str
    ended_ms: int
    run_ms: int | None
    lane: LaneName = "io"


async def read_ended(redis: Redis, queue: str, limit: int = 50) -> list[EndedJob]:
    """The jobs that ended last, newest first.

    Raises:
        RedisError: Redis did not answer.
    """
    entries = await cast("Awaitable[list[bytes]]", redis.lrange(QueueKeys.of(queue).recent, 0, min(limit, MOST) - 1))
    return [_parse(entry) for entry in entries]


def _parse(entry: bytes) -> EndedJob:
    ended_ms, state, run_ms, name, job_id, *lane = entry.split(b"\0", 5)
    ran_ms = int(run_ms) if run_ms else None
    return EndedJob(
        text(job_id), text(name), text(state), int(ended_ms), ran_ms, lane_of_ended(text(*lane) if lane else None)
    )


def lane_of_ended(name: object, otherwise: LaneName = "io") -> LaneName:
    """The lane that a worker noted. For jobs of the event loop none is noted; arq's workers have no other."""
    return next((lane for lane in LANE_NAMES if lane == name), otherwise)
