"""The calls of producers and workers that rows make: each is the binding itself, with the rows' times and text.

Those of administration and monitoring are in admin_calls.py.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import redis as blocking_redis

from monarq.shared.formats.arq.jobs.claim import Claim, claim, release_claim
from monarq.shared.formats.arq.jobs.crash import requeue_crashed
from monarq.shared.formats.arq.jobs.enqueue import enqueue
from monarq.shared.formats.arq.jobs.finish import finish
from monarq.shared.formats.arq.jobs.progress import report_progress
from monarq.shared.formats.arq.jobs.requeue import requeue
from monarq.shared.formats.arq.workers.recover import deregister, recover, sweep
from monarq.shared.formats.arq.workers.register_names import register_names
from monarq.shared.formats.arq.workers.renew import renew
from monarq.shared.formats.arq.workers.wake import wake
from monarq.shared.lane import Lane, LaneQueue
from monarq.shared.protocol.acks import Crash, Finish, Requeue
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode, Placement
from monarq.shared.protocol.lease import Lease
from tests.shared.formats.arq.rows import Call, Scene
from tests.support import leases
from tests.support.queue_state import KEYS, Time, to_bytes, to_text

LEASE_S: Final = 15
SLACK_S: Final = 0.05
"""By so much a clock may differ from one call to the next."""

HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Taken:
    """A job of a claim's reply."""

    id: str
    payload: str | int | None = "payload"
    tries: int = 0
    crashes: int = 0
    note: str = ""
    due: Time = -5
    abort: Time | None = None


@dataclass(frozen=True, slots=True)
class Took:
    """A claim's reply: its jobs, and in how many seconds the next one is due."""

    jobs: tuple[Taken, ...] = ()
    next_due: int | None = None


def lease_of(job_id: str, token: str = "t1", lane_queue: LaneQueue = "io") -> Lease:
    """A lease as a worker holds it."""
    return leases.lease_of(job_id, KEYS, token=token, lane_queue=lane_queue, payload=b"payload")


def call_enqueue(
    jobs: Mapping[str, str],
    mode: EnqueueMode = EnqueueMode.NEW,
    *,
    lane: Lane = Lane.IO,
    due: Time | None = None,
    delay_s: int = 0,
    ttl_s: int = 0,
    tick_s: int = 0,
) -> Call:
    """Enqueues jobs, given by id and payload."""

    async def call(scene: Scene) -> list[Enqueued]:
        due_ms = 0 if due is None else scene.ms(due)
        placing = Placement(lane, due_ms, delay_s * 1000, ttl_s * 1000, tick_s * 1000)
        pairs: list[Any] = [(to_bytes(job_id), to_bytes(payload)) for job_id, payload in jobs.items()]
        return await enqueue(scene.redis, KEYS, placing, mode, pairs)

    return call


def call_claim(
    limit: int = 10, *, worker: str = "w1", token: str = "t1", lane_queue: LaneQueue = "io", max_payload: int = 1000
) -> Call:
    """Claims jobs."""

    async def call(scene: Scene) -> Took:
        asked = Claim(worker, token, lane_queue, LEASE_S * 1000, limit, max_payload)
        claimed = await claim(scene.redis, KEYS, asked)
        next_due = None if claimed.next_due_s is None else math.ceil(claimed.next_due_s - SLACK_S)
        return Took(tuple(_taken(scene, lease) for lease in claimed.leases), next_due)

    return call


def _taken(scene: Scene, lease: Lease) -> Taken:
    payload = to_text(lease.payload) if isinstance(lease.payload, bytes) else lease.payload
    cancel_asked_ms = None if lease.cancel_asked_ms is None else scene.time(lease.cancel_asked_ms)
    due = scene.time(lease.due_ms)
    return Taken(to_text(lease.raw_id), payload, lease.tries, lease.crashes, lease.crash_note, due, cancel_asked_ms)


def call_release_claim(token: str = "t1", worker: str = "w1") -> Call:
    """Gives back what a claim took."""
    return lambda scene: release_claim(scene.redis, KEYS, worker, token)


def ending(
    job_id: str,
    token: str = "t1",
    *,
    success: bool = True,
    result: str = "result",
    keep_ms: int = HOUR_MS,
    letter: str = "",
    keep_dead_ms: int = HOUR_MS,
) -> Finish:
    """The end of a job."""
    name = "send" if letter else ""
    return Finish(lease_of(job_id, token), success, result.encode(), keep_ms, name, letter.encode(), keep_dead_ms)


def call_finish(*endings: Finish, worker: str = "w1", max_dead: int = 100) -> Call:
    """Ends jobs; gives the ids that were refused."""

    async def call(scene: Scene) -> list[str]:
        return _texts(await finish(scene.redis, KEYS, worker, endings, max_dead))

    return call


@dataclass(frozen=True, slots=True)
class Back:
    """How a row gives a job back."""

    id: str
    token: str = "t1"
    lane_queue: LaneQueue = "io"
    due: Time | None = None
    delay_s: int = 0
    tries: int | None = None
    note: str = ""
    unknown_ms: int | None = None


def call_requeue(*backs: Back, worker: str = "w1") -> Call:
    """Gives jobs back; gives the ids that were refused."""

    async def call(scene: Scene) -> list[str]:
        returns = [
            Requeue(
                lease_of(back.id, back.token),
                back.lane_queue,
                0 if back.due is None else scene.ms(back.due),
                back.delay_s * 1000,
                back.tries,
                back.note,
                unknown_ms=back.unknown_ms,
            )
            for back in backs
        ]
        return _texts(await requeue(scene.redis, KEYS, worker, returns))

    return call


def call_crash(*jobs: tuple[str, str], worker: str = "w1", what: str = "killed") -> Call:
    """Gives back jobs, by id and token, whose process died; gives the ids that were refused."""

    async def call(scene: Scene) -> list[str]:
        crashes = [Crash(lease_of(job_id, token), what) for job_id, token in jobs]
        return _texts(await requeue_crashed(scene.redis, KEYS, worker, crashes))

    return call


def call_renew(*leases: Lease, worker: str = "w1", record: str = "") -> Call:
    """Renews leases, with a blocking client as the lease renewer has; returns the ids that are lost."""

    async def call(scene: Scene) -> list[str]:
        return _texts(await asyncio.to_thread(_renew, scene, worker, record, leases))

    return call


def _renew(scene: Scene, worker: str, record: str, leases: Sequence[Lease]) -> list[bytes]:
    path = scene.redis.connection_pool.connection_kwargs["path"]
    with blocking_redis.Redis(unix_socket_path=path) as client:
        return renew(client, KEYS, worker, LEASE_S * 1000, record.encode(), leases)


def call_progress(*reports: tuple[str, str, str], worker: str = "w1", keep_s: int = 60) -> Call:
    """Tells how far jobs are, each by id, token and report; gives the ids that were refused."""

    async def call(scene: Scene) -> list[str]:
        told = [(lease_of(job_id, token), report.encode()) for job_id, token, report in reports]
        return _texts(await report_progress(scene.redis, KEYS, worker, told, keep_s * 1000))

    return call


def call_recover(worker: str = "w1", what: str = "killed") -> Call:
    """Frees the jobs of a dead worker."""

    async def call(scene: Scene) -> list[str]:
        return _texts(await recover(scene.redis, KEYS, worker, what))

    return call


def call_register_names(*job_names: str) -> Call:
    """Tells the queue which jobs a worker knows."""
    return lambda scene: register_names(scene.redis, KEYS, job_names)


def call_wake(lane_queue: LaneQueue = "io") -> Call:
    """Passes a wake-up on."""
    return lambda scene: wake(scene.redis, KEYS, lane_queue)


def call_sweep() -> Call:
    """Frees what silent workers held."""
    return lambda scene: sweep(scene.redis, KEYS)


def call_deregister(worker: str = "w1") -> Call:
    """Takes a worker off the list."""
    return lambda scene: deregister(scene.redis, KEYS, worker)


def _texts(raw_ids: Iterable[bytes]) -> list[str]:
    return [to_text(raw_id) for raw_id in raw_ids]
