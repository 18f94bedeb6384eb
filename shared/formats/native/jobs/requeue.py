"""Returns jobs to the queue, to be run later or at once. See requeue.lua and crash.lua."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.claim import IncarnationGoneError
from monarq.shared.formats.native.jobs.run_counts import count_runs
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.protocol.acks import Crash, Requeue
from monarq.shared.protocol.run_groups import RunEnd
from monarq.shared.redis.replies import as_ids
from monarq.shared.redis.scripts import Argument, check_batch

_REQUEUE = NativeScript.load("jobs/requeue")
_CRASH = NativeScript.load("jobs/crash")
_GONE: Final = -1

BATCH: Final = 500
"""The most jobs in one call: each costs Redis several commands."""


async def requeue(redis: Redis, keys: NativeKeys, incarnation: str, requeued: Sequence[Requeue]) -> list[bytes]:
    """Gives the jobs back, at most `BATCH`: all, or none if one is no longer the incarnation's.

    Returns:
        The raw ids of those that are no longer the incarnation's.

    Raises:
        ValueError: there are more than `BATCH`.
        IncarnationGoneError: the incarnation has ended for good.
        RedisError: the call failed; repeat it.
    """
    check_batch(requeued, BATCH)
    jobs: list[Argument] = []
    for each in requeued:
        event = _event(each)
        jobs += (each.lease.raw_id, each.lease.token, each.lane_queue, _place(each), each.due_ms, each.delay_ms)
        jobs += ("" if each.tries is None else each.tries, "" if each.unknown_ms is None else each.unknown_ms)
        jobs += (event, _words(each) if event else "")
    counted = count_runs(requeued)
    arguments = (len(counted) // 2, *counted, *jobs)
    return _lost(await _REQUEUE.run_on(redis, keys, arguments, incarnation=incarnation))


async def requeue_crashed(redis: Redis, keys: NativeKeys, incarnation: str, crashes: Sequence[Crash]) -> list[bytes]:
    """Gives jobs back whose process has died, at most `BATCH`; returns and raises what `requeue` does."""
    check_batch(crashes, BATCH)
    arguments: list[Argument] = []
    for each in crashes:
        arguments += (each.lease.raw_id, each.lease.token, each.what)
    return _lost(await _CRASH.run_on(redis, keys, arguments, incarnation=incarnation))


def _place(requeue: Requeue) -> str:
    """Where a job waits: one that was not started returns to the head of the queue."""
    if requeue.delay_ms > 0 or requeue.due_ms > requeue.lease.claimed_ms:
        return "due"
    return "head" if requeue.end is RunEnd.HANDED_BACK else "tail"


def _event(requeue: Requeue) -> str:
    if not requeue.note:
        return ""
    if requeue.end is RunEnd.RETRIED:
        return "retried"
    return "handed-back" if requeue.unknown_ms is None else "unknown"


def _words(requeue: Requeue) -> str:
    if requeue.end is RunEnd.RETRIED:
        wait_ms = max(requeue.delay_ms, requeue.due_ms - requeue.lease.claimed_ms, 0)
        return f"{requeue.tries} {wait_ms} {requeue.note}"
    return requeue.note


def _lost(reply: Any) -> list[bytes]:
    if reply[0] == _GONE:
        raise IncarnationGoneError
    return as_ids(reply[1]) if len(reply) > 1 else []
