"""Puts jobs of one name into a queue, each once. See enqueue.lua and enqueue_checked.lua."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from monarq.shared.errors import EnqueueUnknownError, SettingsError, UnsupportedError
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.formats.native.shards import refused
from monarq.shared.lane import lane_queue_of
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode, Placement
from monarq.shared.redis.scripts import Argument, check_batch

_NEW = NativeScript.load("jobs/enqueue")
_CHECKED = NativeScript.load("jobs/enqueue_checked")

BATCH = 1000
"""The most jobs in one call: Lua unpacks a few values per job onto its stack of 8,000."""

LARGE: Final = 16384
"""A claim reads payloads of this many bytes or more separately."""

_BARRED: Final = -1
_NEWER: Final = -2
_TOO_LATE: Final = -3

REPEATABLE_MS: Final = 100_000
"""How long after it was first sent a call may be repeated: the record that a job has ended without a result lasts for
two to three minutes."""


@dataclass(frozen=True, slots=True)
class EnqueueReply:
    """The reply to an enqueue.

    Attributes:
        now_ms: Redis' time; 0 if the call came too late to say.
        codes: what happened to each job.
    """

    now_ms: int
    codes: list[Enqueued]


async def enqueue(
    redis: Redis,
    keys: NativeKeys,
    call: str,
    placement: Placement,
    mode: EnqueueMode,
    jobs: Sequence[tuple[str, bytes]],
    *,
    until_ms: int = 0,
    shards: int = 1,
    is_marked: bool = False,
) -> EnqueueReply:
    """Puts the jobs, given as id and payload, into the queue; at most `BATCH` of them.

    Args:
        redis: the client.
        keys: the queue's keys.
        call: names this enqueue; a repetition has the same name and the mode REPEATED.
        placement: where and when they run.
        mode: where their ids come from, and whether this is a repetition.
        jobs: the jobs.
        until_ms: when a repetition does nothing, by Redis' clock: `REPEATABLE_MS` after its first sending.
        shards: how many shards the queue is believed to have.
        is_marked: remember a repetition until `monarq.shared.formats.native.jobs.look.unmark`; only for one job.

    Raises:
        ValueError: there are more than `BATCH`.
        EnqueueUnknownError: it was repeated after `until_ms`.
        UnsupportedError: the queue was made by a later version of monarq.
        MoreShardsError: the queue has more shards; nothing was changed.
        ShardNotReadyError: this shard is not open yet; nothing was changed.
        RedisError: the call failed; whether it was executed is unknown unless Redis refused it.
    """
    check_batch(jobs, BATCH)
    if mode is not EnqueueMode.NEW:
        check_ids(job_id for job_id, _ in jobs)
    placed: list[Argument] = [call, placement.due_ms, placement.delay_ms, placement.name]
    lane_queue = lane_queue_of(placement.lane)
    believed = f" {shards}" if shards > 1 else ""
    if mode is EnqueueMode.NEW:
        has_large = int(any(len(payload) > LARGE for _, payload in jobs))
        placed.append(f"{has_large}{believed}" if believed else has_large)
    else:
        again = "marked" if is_marked else "again"
        placed += (f"{again}{believed}", until_ms) if mode is EnqueueMode.REPEATED else (f"named{believed}", 0)
    for job in jobs:
        placed += job
    if mode is EnqueueMode.NEW:
        now_ms = await _NEW.run_on(redis, keys, placed, lane_queue)
        codes = [Enqueued.ADDED] * len(jobs)
        if isinstance(now_ms, list):
            refused(now_ms, keys.tag)
            now_ms = now_ms[0]
    else:
        now_ms, *found = reply = await _CHECKED.run_on(redis, keys, placed, lane_queue)
        refused(reply, keys.tag)
        codes = [Enqueued(code) for code in found]
    if now_ms == _NEWER:
        raise newer_queue(keys.tag)
    if now_ms == _TOO_LATE:
        raise EnqueueUnknownError([job_id for job_id, _ in jobs], "it was retried too late to find out")
    if now_ms == _BARRED:
        # This call was overtaken by its repetition, whose reply is the valid one.
        return EnqueueReply(0, [Enqueued.ENDED] * len(jobs))
    return EnqueueReply(now_ms, codes)


def check_ids(job_ids: Iterable[str | bytes]) -> None:
    """Refuses ids with zero bytes, which mark monarq's own fields and separate ids in messages.

    Raises:
        SettingsError: one has a zero byte.
    """
    for job_id in job_ids:
        if ("\0" in job_id) if isinstance(job_id, str) else (b"\0" in job_id):
            raise SettingsError(f"job_id is {job_id!r}: in a native queue it must not contain a zero byte")


def newer_queue(tag: str) -> UnsupportedError:
    """The error if the queue was made by a later version of monarq."""
    return UnsupportedError(f"queue {tag} was made by a later version of monarq: update monarq here")
