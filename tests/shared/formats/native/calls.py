"""The calls of producers and workers on a native queue, each by its binding, with what a test does not care about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import redis as blocking_redis
from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.claim import Claim, ClaimReply, claim
from monarq.shared.formats.native.jobs.enqueue import enqueue
from monarq.shared.formats.native.jobs.finish import KEPT_MS, FinishReply, finish
from monarq.shared.formats.native.workers.leases import BeatReply, beat
from monarq.shared.lane import Lane, LaneQueue
from monarq.shared.protocol.acks import Finish
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode, Placement
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import QueueRef
from tests.shared.formats.native.pieces import KEYS, now_ms
from tests.shared.formats.native.state import INCARNATION

LEASE_MS: Final = 15_000


async def enqueue_jobs(
    redis: Redis,
    *ids: str,
    mode: EnqueueMode = EnqueueMode.NEW,
    call: str = "call",
    payload: bytes = b"payload",
    lane: Lane = Lane.IO,
    due_ms: int = 0,
    delay_ms: int = 0,
) -> list[Enqueued]:
    """Enqueues jobs of one payload, and returns what came of each."""
    placement = Placement(lane=lane, due_ms=due_ms, delay_ms=delay_ms, name="f")
    until_ms = await now_ms(redis) + 60_000
    jobs = [(each, payload) for each in ids]
    return (await enqueue(redis, KEYS, call, placement, mode, jobs, until_ms=until_ms)).codes


async def claim_jobs(redis: Redis, limit: int = 100, **asked: Any) -> ClaimReply:
    """Claims jobs; each test's first claim is that of a new incarnation."""
    incarnation = asked.pop("incarnation", INCARNATION)
    given: dict[str, Any] = {"lane_queue": "io", "number": 1, "lease_ms": LEASE_MS, "max_payload": 1_000_000} | asked
    given = {"is_first": given["number"] == 1, "worker": incarnation.rpartition(".")[0]} | given
    return await claim(redis, KEYS, Claim(incarnation=incarnation, limit=limit, **given))


def lease_of(job_id: str, token: str = "i1", lane_queue: LaneQueue = "io", **known: Any) -> Lease:
    """A lease as a worker holds it."""
    given = {"tries": 0, "crashes": 0, "crash_note": "", "due_ms": 0, "cancel_asked_ms": None, "claimed_ms": 0} | known
    return Lease(QueueRef("q", "native"), job_id.encode(), job_id, token, lane_queue, b"payload", **given)


def ending(job_id: str, token: str = "i1", *, keep_ms: int = KEPT_MS, letter: bytes = b"", **known: Any) -> Finish:
    """The end of a job."""
    given = {"success": not letter, "name": "f", "run_ms": 3, "keep_dead_ms": 60_000} | known
    return Finish(
        lease_of(job_id, token), result=b"result of " + job_id.encode(), keep_ms=keep_ms, dead_letter=letter, **given
    )


async def finish_jobs(
    redis: Redis, *ends: Finish, incarnation: str = INCARNATION, max_dead: int = 10, with_results: bool = False
) -> FinishReply:
    """Ends jobs."""
    return await finish(redis, KEYS, incarnation, ends, max_dead=max_dead, lanes={}, with_results=with_results)


def beat_once(redis: Redis, incarnation: str = INCARNATION) -> BeatReply:
    """A beat, by a blocking client as the lease thread has it."""
    with blocking_client(redis) as client:
        return beat(client, KEYS, incarnation, LEASE_MS)


def blocking_client(redis: Redis) -> blocking_redis.Redis:
    """A blocking client of the same server."""
    return blocking_redis.Redis(unix_socket_path=redis.connection_pool.connection_kwargs["path"])


async def held_by(redis: Redis, incarnation: str = INCARNATION) -> dict[bytes, bytes]:
    """What an incarnation holds: tokens by raw id."""
    found: dict[bytes, bytes] = await redis.hgetall(KEYS.held(incarnation))  # type: ignore[misc]
    return {key: value for key, value in found.items() if key[:1] != b"\0"}


async def ids_in(redis: Redis, name: str) -> Sequence[str]:
    """The jobs of one of the queue's zsets, in order."""
    return [raw_id.decode() for raw_id in await redis.zrange(KEYS.key(name), 0, -1)]
