"""Leases: the jobs that a claim gave to a worker."""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec

from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.queue_ref import QueueRef


class Lease(msgspec.Struct, eq=False, gc=False):
    """One job that is the worker's, until its lease ends.

    Do not change it except for `due_ms`, `may_have_expired`, `ends_s` and `unknown_ms`. It refers to nothing that could
    refer to it, so the garbage collector need not look at it.

    Attributes:
        queue: the queue.
        raw_id: the job's id as Redis holds it; it need not be UTF-8.
        job_id: the same as text.
        token: proves ownership.
        lane_queue: the set it was taken from.
        payload: its bytes; None where they are gone; the size, an int, where they are over the limit.
        tries: tries that it has used before this one.
        crashes: how often it was running when its worker was lost.
        crash_note: what was known of the last crash.
        due_ms: unix ms at which it was due; 0 where the claim does not say: then its payload does.
        cancel_asked_ms: when its cancellation was requested, or None; see `WorkerQueue.is_cancel_of`.
        claimed_ms: Redis' time of the claim.
        may_have_expired: whether a payload that is gone had a time to live of its producer's (``expires``). Of arq's
            clients' jobs that is not known: all of them have one.
        ends_s: when it ends by this machine's monotonic clock, counted from before the claim or its last renewal was
            sent, so never later than in Redis. Its worker keeps this up to date.
        unknown_ms: since when workers have met it that do not know its name, unix ms by Redis' clock; None for none.
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
        next_due_s: seconds until the next job is due or a lease ends; None where there is none, or where as many
            jobs were taken as were asked for.
    """

    leases: list[Lease]
    next_due_s: float | None
