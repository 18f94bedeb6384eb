"""A native queue to which jobs are moved. See put.lua, marks.lua and forget.lua."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.cancel import cancel
from monarq.shared.formats.native.jobs.enqueue import LARGE
from monarq.shared.formats.native.jobs.notes import Note, write_note
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.formats.native.transfer.versions import check_version, explain_version
from monarq.shared.formats.native.workers.fleet import QueueRegistrar
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.transfer import LEASE_MS, MARK_KEPT_MS, PAGE, Marks, MovedJob, Put
from monarq.shared.protocol.transfer_marks import NEVER_LATE_MS, READ_A_CALL, let_go, read_marks
from monarq.shared.protocol.transfer_notes import mark_of, mark_prefix, moving_itself
from monarq.shared.redis.scripts import Argument, check_batch

_PUT = NativeScript.load("transfer/put")
_MARKS = NativeScript.load("transfer/marks")
_FORGET = NativeScript.load("transfer/forget")

_LATE: Final = -1
_MOVING: Final = -3
_NEWER: Final = -2

_MOST_LINES: Final = 20
_MOST_BYTES: Final = 2048
"""The maximum size of a history, as in the scripts."""


class NativeMoveTarget:
    """See `monarq.shared.protocol.transfer.MoveTarget`.

    Args:
        name: the queue's name.
    """

    def __init__(self, name: str) -> None:
        self._keys = NativeKeys.of(name)
        self._registrar = QueueRegistrar()

    @property
    def ref(self) -> QueueRef:
        """See the protocol."""
        return QueueRef(self._keys.tag, "native")

    async def check(self, redis: Redis) -> None:
        """See the protocol."""
        if await check_version(redis, self._keys) is not None:
            raise moving_itself(self.ref)
        await self.put(redis, self.ref, [], NEVER_LATE_MS)

    async def put(self, redis: Redis, source: QueueRef, jobs: Sequence[MovedJob], taken_ms: int) -> list[Put]:
        """See the protocol."""
        check_batch(jobs, PAGE)
        arguments: list[Argument] = [taken_ms, LEASE_MS, MARK_KEPT_MS]
        fit = [job for job in jobs if b"\0" not in job.raw_id]
        for job in fit:
            arguments += _arguments(source, job)
        codes: list[Any] = await _PUT.run_on(redis, self._keys, arguments)
        if codes and codes[0] == _NEWER:
            raise await explain_version(redis, self._keys)
        if codes and codes[0] == _MOVING:
            raise moving_itself(self.ref)
        if codes and codes[0] == _LATE:
            return [Put.LATE] * len(jobs)
        if fit:
            await self._registrar.register(redis, (self._keys.tag,))
        by_id = {job.raw_id: Put(code) for job, code in zip(fit, codes, strict=True)}
        return [by_id.get(job.raw_id, Put.UNFIT) for job in jobs]

    async def request_cancel(self, redis: Redis, raw_id: bytes) -> None:
        """See the protocol."""
        await cancel(redis, self._keys, raw_id)

    async def find_marks(self, redis: Redis, source: QueueRef) -> Marks:
        """See the protocol."""
        prefix = mark_prefix(source)
        return await read_marks(lambda skip: _MARKS.run_on(redis, self._keys, (prefix, skip, READ_A_CALL)))

    async def forget(self, redis: Redis, marks: Marks) -> bool:
        """See the protocol."""
        return await let_go(
            marks, lambda until_ms, page: _FORGET.run_on(redis, self._keys, (until_ms, MARK_KEPT_MS, *page))
        )


def _arguments(source: QueueRef, job: MovedJob) -> tuple[Argument, ...]:
    note = Note(
        tries=job.tries,
        crashes=job.crashes,
        unknown_ms=job.unknown_ms,
        due_ms=job.last_due_ms,
        text=job.crash_note,
        expires_ms=job.expires_ms,
        may_expire=job.may_expire,
        features=job.features,
    )
    return (
        mark_of(source, job),
        job.raw_id,
        job.payload,
        job.lane_queue,
        f"{job.due_ms:.5f}",
        int(job.is_queued),
        write_note(note, is_large=len(job.payload) > LARGE),
        "" if job.cancel_asked_ms is None else job.cancel_asked_ms,
        _trail(job.history),
        job.progress,
    )


def _trail(history: Sequence[bytes]) -> bytes:
    """The newest lines of a history, as many as fit into a trail."""
    lines = list(history[-_MOST_LINES:])
    while lines and sum(map(len, lines)) + len(lines) > _MOST_BYTES:
        del lines[0]
    return b"\n".join(lines)
