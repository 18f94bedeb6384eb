"""A queue in arq's format to which jobs are moved. See put.lua, marks.lua and forget.lua."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.arq.jobs.cancel import cancel
from monarq.shared.formats.arq.keys import ASKED_MARK, EXPIRES_MARK, PARKED_SCORE, QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.payloads.payload_head import read_head
from monarq.shared.protocol.pages import HEAD_BYTES, TAIL_BYTES
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.transfer import LEASE_MS, MARK_KEPT_MS, PAGE, Marks, MovedJob, Put
from monarq.shared.protocol.transfer_marks import NEVER_LATE_MS, READ_A_CALL, let_go, read_marks
from monarq.shared.protocol.transfer_notes import mark_of, mark_prefix, moving_itself
from monarq.shared.redis.scripts import Argument, check_batch

_PUT = ArqScript.load("transfer/put")
_MARKS = ArqScript.load("transfer/marks")
_FORGET = ArqScript.load("transfer/forget")

_LATE: Final = -1
_MOVING: Final = -3


class ArqMoveTarget:
    """See `monarq.shared.protocol.transfer.MoveTarget`.

    Args:
        name: the queue's name.
    """

    def __init__(self, name: str) -> None:
        self._keys = QueueKeys.of(name)

    @property
    def ref(self) -> QueueRef:
        """See the protocol."""
        return self._keys.ref

    async def check(self, redis: Redis) -> None:
        """See the protocol."""
        if await redis.exists(self._keys.moving):
            raise moving_itself(self.ref)
        await self.put(redis, self.ref, [], NEVER_LATE_MS)

    async def put(self, redis: Redis, source: QueueRef, jobs: Sequence[MovedJob], taken_ms: int) -> list[Put]:
        """See the protocol. Within a millisecond, arq's format orders jobs by id."""
        check_batch(jobs, PAGE)
        arguments: list[Argument] = [taken_ms, LEASE_MS, MARK_KEPT_MS]
        fit = [job for job in jobs if not job.features and job.due_ms < PARKED_SCORE]
        for job in fit:
            arguments += _arguments(source, job)
        codes: list[Any] = await _PUT.run_on(redis, self._keys, arguments)
        if codes and codes[0] == _MOVING:
            raise moving_itself(self.ref)
        if codes and codes[0] == _LATE:
            return [Put.LATE] * len(jobs)
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
    crash = f"{job.crashes} {job.crash_note}" if job.crashes or job.unknown_ms else ""
    if job.unknown_ms:
        crash += f"\0{job.unknown_ms}"
    request = "" if job.cancel_asked_ms is None else f"{job.cancel_asked_ms + ASKED_MARK:.1f}"
    stated_ms = _expires_ms(job.payload) if job.expires_ms is None else None
    expires_ms = job.expires_ms or stated_ms
    return (
        mark_of(source, job),
        job.raw_id,
        job.payload,
        job.lane_queue,
        _score(int(job.due_ms), may_expire=job.may_expire or stated_ms is not None),
        job.tries,
        crash,
        request,
        "" if expires_ms is None else expires_ms,
        b"\n".join(job.history),
        job.progress,
        int(job.is_queued),
    )


def _score(due_ms: int, *, may_expire: bool) -> str:
    """Its due time, with the mark for jobs that may expire."""
    return f"{due_ms - 1 + EXPIRES_MARK:.2f}" if may_expire else str(due_ms)


def _expires_ms(payload: bytes) -> int | None:
    """The time after which it is not started, if the payload's head or tail tells: it is not decoded."""
    tail = payload[-TAIL_BYTES:] if len(payload) > HEAD_BYTES else b""
    return read_head(payload[:HEAD_BYTES], tail).expires_ms
