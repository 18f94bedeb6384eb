"""Claims: due jobs are leased to a worker, or given back. See claim.lua and release_claim.lua."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis

from monarq.shared.lane import LaneQueue
from monarq.shared.redis.keys import EXPIRES_MARK, QueueKeys
from monarq.shared.redis.scripts import Script, text

_SCRIPT = Script.load("jobs/claim")
_RELEASE = Script.load("jobs/release_claim")
_FIELDS = 6
_LARGEST = 2**53

BATCH = 1000
"""The most jobs of one call."""

SCAN = 20_000
"""How many due jobs a claim looks at: those that arq workers run stay due, in front of the others."""

REPLY_BYTES = 16 * 1024 * 1024
"""Once a claim has so many bytes of payloads, it takes no more jobs: the rest is for the next call, or others."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's request for jobs.

    Attributes:
        worker: the worker's id.
        token: the claim's own token; whoever knows it owns what was claimed.
        lane_queue: the set to take from.
        lease_ms: ms for which the jobs are the worker's, unless renewed.
        limit: how many at the most, up to `BATCH`.
        max_payload: bytes; a larger payload is not handed over.
        alone: a job with so many crashes comes as the only one of its claim; None for no such rule.
    """

    worker: str
    token: str
    lane_queue: LaneQueue
    lease_ms: int
    limit: int
    max_payload: int
    alone: int | None = None


@dataclass(slots=True, eq=False)
class Lease:
    """One job that is the worker's, until its lease ends.

    Do not change it except for `ends_s` and `unknown_ms`: frozen, it would cost a microsecond more.

    Attributes:
        queue: the queue's keys.
        raw_id: the job's id as Redis holds it; it need not be UTF-8.
        job_id: the same as text.
        token: proves ownership.
        lane_queue: the set it was taken from.
        payload: its bytes; None where they are gone; the size, an int, where they are over the limit.
        tries: tries that it has used before this one.
        crashes: how often it was running when its worker was lost.
        crash_note: what was known of the last crash.
        score: unix ms at which it was due (after a crash, at which the lost lease ended); 1 after an abort.
        abort_ms: when its abort was requested, or None; see `monarq.shared.commands.jobs.abort.is_abort_of`.
        claimed_ms: Redis' time of the claim.
        may_have_expired: whether a payload that is gone had a time to live of its producer's (``expires``). Of arq's
            clients' jobs that is not known: all of them have one.
        ends_s: when it ends by this machine's monotonic clock, counted from before the claim or its last renewal was
            sent, so never later than in Redis. Its worker keeps this up to date.
        unknown_ms: since when workers have met it that do not know its name, unix ms by Redis' clock; None for none.
    """

    queue: QueueKeys
    raw_id: bytes
    job_id: str
    token: str
    lane_queue: LaneQueue
    payload: bytes | int | None
    tries: int
    crashes: int
    crash_note: str
    score: int
    abort_ms: float | None
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


async def claim(redis: Redis, keys: QueueKeys, asked: Claim) -> Claimed:
    """Leases due jobs.

    Raises:
        RedisError: the call failed. Where the reply was lost, jobs may be leased that nobody runs: give them back
            with `release_claim`.
    """
    arguments = (
        asked.worker,
        asked.token,
        asked.lane_queue,
        asked.lease_ms,
        min(asked.limit, BATCH),
        asked.max_payload,
        SCAN,
        REPLY_BYTES,
        "" if asked.alone is None else asked.alone,
    )
    reply = await _SCRIPT.run(redis, keys, arguments)
    now_ms, next_ms = reply[0], reply[1]
    token, lane_queue = asked.token, asked.lane_queue
    leases = []
    for at in range(2, len(reply), _FIELDS):
        raw_id, payload, tries, crash, score, abort_ms = reply[at : at + _FIELDS]
        crashes, note = read_crash(crash) if crash else (0, "")
        leases.append(
            Lease(
                keys,
                raw_id,
                text(raw_id),
                token,
                lane_queue,
                payload,
                read_number(tries) if tries else 0,
                crashes,
                note,
                read_number(score),
                read_request(abort_ms) if abort_ms else None,
                now_ms,
                unknown_ms=read_unknown(crash) if crash else None,
            )
        )
        if payload is None:
            leases[-1].may_have_expired = float(score) % 1 == EXPIRES_MARK
    return Claimed(leases, None if next_ms < 0 else max(0.0, (next_ms - now_ms) / 1000))


def read_number(value: bytes | float) -> int:
    """A number that anyone may have written; 0 where it is no number, or too large."""
    try:
        number = int(float(value))
    except (ValueError, OverflowError):
        return 0
    return number if abs(number) <= _LARGEST else 0


def read_request(score: bytes | float) -> float:
    """When an abort was requested, with the mark of monarq's own requests."""
    return read_number(score) + float(score) % 1 if read_number(score) else 0.0


def read_crash(note: bytes) -> tuple[int, str]:
    """How often a job's worker was lost, and what was known of the last time."""
    count, _, what = text(note.partition(b"\0")[0]).partition(" ")
    return read_number(count.encode()), what


def read_unknown(note: bytes) -> int | None:
    """Since when no worker has known a job's name, unix ms; None where it is known, or nobody has met it yet."""
    return read_number(note.partition(b"\0")[2] or b"0") or None


async def release_claim(redis: Redis, keys: QueueKeys, worker: str, token: str) -> int:
    """Releases whatever the claim of this token took, as its reply never came; returns how many jobs that was."""
    return cast("int", await _RELEASE.run(redis, keys, (worker, token)))
