"""States of jobs in a native queue, made by its own scripts, and what is left of a job in its keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.claim import Claim, claim
from monarq.shared.formats.native.jobs.enqueue import enqueue
from monarq.shared.lane import Lane, LaneQueue
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode, Placement
from tests.shared.formats.native.pieces import KEYS, hash_of, zset_of

WORKER: Final = "host:1:ab"
INCARNATION: Final = f"{WORKER}.c0ffee"
SETS: Final = ("queued", "queued_cpu", "deferred", "deferred_cpu")


async def put(redis: Redis, *ids: str, delay_ms: int = 0, lane: Lane = Lane.IO, payload: bytes = b"payload") -> None:
    """Enqueues jobs of chosen ids."""
    placement = Placement(lane=lane, delay_ms=delay_ms, name="f")
    reply = await enqueue(redis, KEYS, "call", placement, EnqueueMode.NAMED, [(each, payload) for each in ids])
    assert reply.codes == [Enqueued.ADDED] * len(ids)


async def take(
    redis: Redis, limit: int = 100, *, number: int = 1, lane_queue: LaneQueue = "io", incarnation: str = INCARNATION
) -> Sequence[bytes]:
    """Claims jobs, and returns their ids."""
    asked = Claim(
        incarnation=incarnation,
        worker=incarnation.rpartition(".")[0],
        lane_queue=lane_queue,
        number=number,
        limit=limit,
        lease_ms=15_000,
        max_payload=10_000_000,
        is_first=number == 1,
    )
    return (await claim(redis, KEYS, asked)).ids


async def sets_with(redis: Redis, job_id: str) -> list[str]:
    """The sets that a job waits in."""
    return [name for name in SETS if job_id.encode() in await zset_of(redis, name)]


async def is_alive(redis: Redis, job_id: str) -> bool:
    """Whether a job has a payload."""
    return job_id.encode() in await hash_of(redis, "payloads")


async def trail_of(redis: Redis, job_id: str) -> list[str]:
    """What a job's trail says, without times."""
    trail = (await hash_of(redis, "trails")).get(job_id.encode(), b"")
    return [line.partition(" ")[2] for line in trail.decode().split("\n") if line]


async def counts_of(redis: Redis) -> dict[bytes, bytes]:
    """The counters of this second."""
    return await hash_of(redis, "live")


async def note(redis: Redis, job_id: str, text: str) -> None:
    """Seeds a note."""
    await redis.hset(KEYS.key("notes"), job_id, text)  # type: ignore[misc]
