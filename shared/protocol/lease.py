"""Leases: the jobs that a worker has claimed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec

from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.queue_ref import QueueRef


class Lease(msgspec.Struct, eq=False, gc=False):
    """One job that belongs to a worker until its lease ends.

    Only `due_ms`, `may_have_expired`, `ends_s` and `unknown_ms` may be changed. It cannot be part of a reference cycle,
    so the garbage collector need not track it.

    Attributes:
        queue: the queue.
        raw_id: the job's id as stored in Redis; it may not be UTF-8.
        job_id: the same as text.
        token: the proof of ownership.
        lane_queue: the set that it was claimed from.
        payload: its bytes; None if they are gone; their size, an int, if it is over the limit.
        tries: tries that it has used before this one.
        crashes: how often its worker was lost while it ran.
        crash_note: what is known about the last crash.
        due_ms: unix ms at which it was due; 0 if only its payload has that.
        cancel_asked_ms: when its cancellation was requested, or None; see `WorkerQueue.is_cancel_of`.
        claimed_ms: Redis' time of the claim.
        may_have_expired: whether a payload that is gone had a time to live set by its producer (``expires``). It is
            unknown for jobs of arq's clients, which always set one.
        ends_s: when it ends by this machine's monotonic clock. It is computed from before the claim or the last renewal
            was sent, so it is never later than in Redis. Its worker keeps it up to date.
        unknown_ms: since when workers that claimed it have not known its name, unix ms by Redis' clock; None if known.
    """

    queue: QueueRef
    raw_id: bytes
    job_id: str
    token: str
    lane_queue: LaneQueue
    payload: bytes | int | None
    tries: int
    crashes: int
    crash_note: str
    due_ms: int
    cancel_asked_ms: float | None
    claimed_ms: int
    may_have_expired: bool = False
    ends_s: float = math.inf
    unknown_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim's reply.

    Attributes:
        leases: the jobs.
        next_due_s: seconds until the next job is due or a lease ends; None if there is none, or if the claim was
            filled.
    """

    leases: list[Lease]
    next_due_s: float | None
