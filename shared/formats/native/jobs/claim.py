"""Claims: waiting jobs are given to an incarnation of a worker. See claim.lua."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.formats.native.jobs.enqueue import newer_queue
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.formats.native.shards import refused
from monarq.shared.lane import LaneQueue

_SCRIPT = NativeScript.load("jobs/claim")

BATCH: Final = 1000
"""The most jobs in one call."""

_GONE: Final = -1
_NEWER: Final = -2


class IncarnationGoneError(Exception):
    """The incarnation has ended for good: its jobs have been taken back."""


class ClaimRefusedError(RedisError):
    """The worker's claims are refused, perhaps temporarily; the message says why."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim of one lane queue.

    Attributes:
        incarnation: who claims.
        worker: the worker that it belongs to.
        lane_queue: the lane queue to claim from.
        number: the number of the claim, unique for this incarnation and lane queue.
        limit: how many jobs at most, up to `BATCH`.
        lease_ms: ms for which the incarnation's lease lasts after this call.
        max_payload: bytes; a larger payload is not returned.
        alone: a job with this many crashes is claimed alone; None for no such rule.
        is_first: whether Redis has not seen the incarnation yet.
        is_repeated: whether this claim may have been executed before.
        shards: how many shards the queue is believed to have.
    """

    incarnation: str
    worker: str
    lane_queue: LaneQueue
    number: int
    limit: int
    lease_ms: int
    max_payload: int
    alone: int | None = None
    is_first: bool = False
    is_repeated: bool = False
    shards: int = 1

    @property
    def token(self) -> str:
        """The token of the jobs that it takes."""
        return f"{self.lane_queue[0]}{self.number}"


@dataclass(frozen=True, slots=True)
class ClaimReply:
    """The reply to a claim.

    Attributes:
        now_ms: Redis' time.
        next_ms: when the next deferred job is due, unix ms; -1 if there is none, or the claim was filled.
        ids: the ids of the jobs.
        payloads: for each job, its payload; None if it is gone; its size if it is over the limit.
        notes: for each job, its note or None; empty if no job has a note.
        cancels: for each job, when its cancellation was requested, or None; empty if none was.
        took: whether it found anything in the queue, so that Redis knows the incarnation.
    """

    now_ms: int
    next_ms: int
    ids: Sequence[bytes] = ()
    payloads: Sequence[bytes | int | None] = ()
    notes: Sequence[bytes | None] = ()
    cancels: Sequence[bytes | None] = ()
    took: bool = False


async def claim(redis: Redis, keys: NativeKeys, asked: Claim) -> ClaimReply:
    """Takes waiting jobs.

    Raises:
        IncarnationGoneError: the incarnation has ended for good.
        UnsupportedError: the queue was made by a later version of monarq.
        MoreShardsError: the queue has more shards; nothing was taken.
        RedisError: the call failed; repeat it with the same number, as a repeated one.
    """
    reply = await _SCRIPT.run_on(
        redis,
        keys,
        (
            asked.incarnation,
            asked.worker,
            asked.token,
            min(asked.limit, BATCH),
            asked.lease_ms,
            f"{asked.max_payload} {'' if asked.alone is None else asked.alone}",
            ("f" if asked.is_first else "") + ("a" if asked.is_repeated else ""),
            *((asked.shards,) if asked.shards > 1 else ()),
        ),
        asked.lane_queue,
        asked.incarnation,
    )
    if reply[0] == _GONE:
        raise IncarnationGoneError
    if reply[0] == _NEWER:
        raise newer_queue(keys.tag)
    if reply[0] < 0:
        refused(reply, keys.tag)
    if len(reply) == 2:
        return ClaimReply(*reply)
    now_ms, next_ms, ids, payloads, notes, cancels = reply
    return ClaimReply(now_ms, next_ms, ids, payloads, notes or (), cancels or (), took=True)
