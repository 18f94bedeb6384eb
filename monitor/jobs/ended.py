"""Recently ended jobs: a sample of a few jobs of each acknowledgement, and the lane that an ended job ran in.

At full speed it is a sample; every job that failed for good is among the dead letters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.lane import LANE_NAMES, LaneName
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.replies import text

MOST: Final = 500
"""How many are kept."""


@dataclass(frozen=True, slots=True)
class EndedJob:
    """A job that has ended.

    Attributes:
        job_id: its id.
        name: its name; '' if its payload has none.
        state: "succeeded", "failed", "dead" (failed, with a dead letter) or "cancelled".
        ended_ms: when it ended, unix ms by Redis' clock.
        run_ms: how long its function ran; for similar jobs that ended together, the mean. None if it was not called.
        lane: the lane that it ran in.
    """

    job_id: str
    name: str
    state: str
    ended_ms: int
    run_ms: int | None
    lane: LaneName = "io"


async def read_ended(redis: Redis, queue: QueueRef, limit: int = 50) -> list[EndedJob]:
    """The most recently ended jobs, newest first.

    Raises:
        RedisError: Redis did not answer.
    """
    return [
        EndedJob(text(job.raw_id), job.name, job.state, job.ended_ms, job.run_ms, lane_of_ended(job.lane))
        for job in await monitor_queue(queue).read_ended(redis, limit)
    ]


def lane_of_ended(name: object, otherwise: LaneName = "io") -> LaneName:
    """The lane that a worker recorded. None is recorded for the event loop, which is arq's workers' only lane."""
    return next((lane for lane in LANE_NAMES if lane == name), otherwise)
