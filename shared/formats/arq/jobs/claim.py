"""Claims: leases due jobs to a worker, or returns them. See claim.lua and release_claim.lua."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import EXPIRES_MARK, QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.lease import Claimed, Lease
from monarq.shared.redis.replies import read_number, text

_SCRIPT = ArqScript.load("jobs/claim")
_RELEASE = ArqScript.load("jobs/release_claim")

BATCH = 1000
"""The most jobs in one call."""

SCAN = 20_000
"""How many due jobs a claim examines: those that arq workers run stay due, in front of the others."""

REPLY_BYTES = 16 * 1024 * 1024
"""Once a claim has this many bytes of payloads, it takes no more jobs: the rest is for the next call or other
workers."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's request for jobs.

    Attributes:
        worker: the worker's id.
        token: the claim's own token, which proves the ownership of its jobs.
        lane_queue: the set to take from.
        lease_ms: ms for which the jobs belong to the worker, unless renewed.
        limit: the most jobs, up to `BATCH`.
        max_payload: bytes; a larger payload is not handed over.
        alone: a job with this many crashes is claimed alone; None for no such rule.
    """

    worker: str
    token: str
    lane_queue: LaneQueue
    lease_ms: int
    limit: int
    max_payload: int
    alone: int | None = None


async def claim(redis: Redis, keys: QueueKeys, asked: Claim) -> Claimed:
    """Leases due jobs.

    Raises:
        RedisError: the call failed. If the reply was lost, jobs may be leased that nobody runs: release them with
            `release_claim`.
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
    reply = await _SCRIPT.run_on(redis, keys, arguments)
    if len(reply) == 2:
        now_ms, next_ms = reply
        return Claimed([], _seconds_until(next_ms, now_ms))
    now_ms, next_ms, jobs, payloads, tries, crashes, aborts = reply
    ref, token, lane_queue = keys.ref, asked.token, asked.lane_queue
    none = itertools.repeat(None)
    leases = []
    for raw_id, score, payload, tried, crash, cancel_asked_ms in zip(
        jobs[::2], jobs[1::2], payloads, tries or none, crashes or none, aborts or none, strict=False
    ):
        crashed, note = read_crash(crash) if crash else (0, "")
        lease = Lease(
            ref,
            raw_id,
            text(raw_id),
            token,
            lane_queue,
            payload,
            read_number(tried) if tried else 0,
            crashed,
            note,
            read_number(score),
            read_request(cancel_asked_ms) if cancel_asked_ms else None,
            now_ms,
            unknown_ms=read_unknown(crash) if crash else None,
        )
        if payload is None:
            lease.may_have_expired = float(score) % 1 == EXPIRES_MARK
        leases.append(lease)
    return Claimed(leases, _seconds_until(next_ms, now_ms))


def _seconds_until(next_ms: int, now_ms: int) -> float | None:
    return None if next_ms < 0 else max(0.0, (next_ms - now_ms) / 1000)


def read_request(score: bytes | float) -> float:
    """When a cancellation was requested, with the mark of monarq's own requests."""
    return read_number(score) + float(score) % 1 if read_number(score) else 0.0


def read_crash(note: bytes) -> tuple[int, str]:
    """How often a job's worker was lost while it ran, and what is known about the last time."""
    count, _, what = text(note.partition(b"\0")[0]).partition(" ")
    return read_number(count.encode()), what


def read_unknown(note: bytes) -> int | None:
    """Since when no worker has known a job's name, unix ms; None if it is known, or was not claimed yet."""
    return read_number(note.partition(b"\0")[2] or b"0") or None


async def release_claim(redis: Redis, keys: QueueKeys, worker: str, token: str) -> int:
    """Releases the jobs of a claim whose reply never came; returns how many."""
    return cast("int", await _RELEASE.run_on(redis, keys, (worker, token)))
