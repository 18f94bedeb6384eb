"""A native queue from which jobs are moved. See begin.lua, take.lua, drop.lua and close.lua.

Its jobs need no lease: until the move is closed, the queue is paused, and nothing else takes its waiting jobs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.notes import read_note
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.formats.native.transfer.versions import check_version, explain_version
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.transfer import PAGE, PAGE_BYTES, Begun, DropAnswer, MovedJob, TakenPage
from monarq.shared.protocol.transfer_notes import moved_elsewhere, read_drop, read_target, reply_of_run, target_note
from monarq.shared.redis.replies import read_number, text
from monarq.shared.redis.scripts import Argument, check_batch

_BEGIN = NativeScript.load("transfer/begin")
_TAKE = NativeScript.load("transfer/take")
_DROP = NativeScript.load("transfer/drop")
_CLOSE = NativeScript.load("transfer/close")

_FIELDS: Final = 7
_NEWER: Final = -2


class NativeMoveSource:
    """See `monarq.shared.protocol.transfer.MoveSource`.

    Args:
        name: the queue's name.
    """

    sets: Final = ("queued", "queued:cpu", "deferred", "deferred:cpu")

    def __init__(self, name: str) -> None:
        self._keys = NativeKeys.of(name)

    @property
    def ref(self) -> QueueRef:
        """See the protocol."""
        return QueueRef(self._keys.tag, "native")

    async def check(self, redis: Redis, target: QueueRef) -> None:
        """See the protocol."""
        moving = await check_version(redis, self._keys)
        if moving is not None and moving != target_note(target):
            raise moved_elsewhere(self.ref, read_target(moving))

    async def find_obstacle(self, redis: Redis) -> str | None:
        """See the protocol: every worker of a native queue obeys its pause."""
        return None

    async def begin(self, redis: Redis, target: QueueRef, run: str) -> Begun:
        """See the protocol."""
        reply = await _BEGIN.run_on(redis, self._keys, (run, target_note(target)))
        if reply[0] == _NEWER:
            raise await explain_version(redis, self._keys)
        since_ms, second = reply
        if since_ms < 0:
            raise moved_elsewhere(self.ref, read_target(text(second)))
        return Begun(was_paused=since_ms > 0, goes_on=second == 1)

    async def take(self, redis: Redis, run: str, source_set: str, skip: int, limit: int) -> TakenPage:
        """See the protocol."""
        reply = reply_of_run(
            self.ref, await _TAKE.run_on(redis, self._keys, (run, source_set, skip, min(limit, PAGE), PAGE_BYTES))
        )
        now_ms, looked, gone, *fields = reply
        jobs = tuple(_job(source_set, fields[at : at + _FIELDS]) for at in range(0, len(fields), _FIELDS))
        return TakenPage(now_ms, max(looked, 0), jobs, looked < 0, without_payload=gone)

    async def drop(self, redis: Redis, run: str, jobs: Sequence[MovedJob]) -> list[DropAnswer]:
        """See the protocol."""
        check_batch(jobs, PAGE)
        arguments: list[Argument] = [run, self._keys.ended]
        for job in jobs:
            arguments += (job.raw_id, job.digest, job.request)
        codes = reply_of_run(self.ref, await _DROP.run_on(redis, self._keys, arguments))
        return [read_drop(code) for code in codes]

    async def release(self, redis: Redis, run: str, jobs: Sequence[MovedJob]) -> None:
        """See the protocol: they are still in their places."""

    async def close(self, redis: Redis, run: str) -> bool:
        """See the protocol."""
        return bool(await _CLOSE.run_on(redis, self._keys, (run,)))


def _time(noted: bytes) -> float:
    """A time from a score; 0 if it is not a time, as only other programs would write that."""
    due_ms = float(noted)
    return max(0.0, due_ms) if math.isfinite(due_ms) else 0.0


def _job(source_set: str, fields: Sequence[Any]) -> MovedJob:
    raw_id, payload, due_ms, raw_note, request, trail, progress = fields
    note = read_note(raw_note)
    return MovedJob(
        raw_id=raw_id,
        payload=payload,
        lane_queue="cpu" if source_set.endswith(":cpu") else "io",
        due_ms=_time(due_ms),
        is_queued=source_set.startswith("queued"),
        tries=note.tries,
        crashes=note.crashes,
        crash_note=note.text,
        unknown_ms=note.unknown_ms,
        last_due_ms=note.due_ms,
        expires_ms=note.expires_ms,
        may_expire=note.may_expire,
        cancel_asked_ms=read_number(request) if request else None,
        request=request,
        history=tuple(trail.split(b"\n")) if trail else (),
        progress=progress,
        features=note.features,
    )
