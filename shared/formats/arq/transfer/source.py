"""A queue in arq's format from which jobs are moved. See begin.lua, take.lua, drop.lua, release.lua and close.lua."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.arq.jobs.claim import read_crash, read_unknown
from monarq.shared.formats.arq.keys import ASKED_MARK, EXPIRES_MARK, HEALTH_CHECK_SUFFIX, QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.payloads.payload_head import read_head
from monarq.shared.protocol.pages import HEAD_BYTES, TAIL_BYTES
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.transfer import (
    LEASE_MS,
    PAGE,
    PAGE_BYTES,
    Begun,
    DropAnswer,
    MovedJob,
    TakenPage,
)
from monarq.shared.protocol.transfer_notes import moved_elsewhere, read_drop, read_target, reply_of_run, target_note
from monarq.shared.redis.clock import read_now_ms
from monarq.shared.redis.replies import read_number, text
from monarq.shared.redis.scripts import Argument, check_batch

_BEGIN = ArqScript.load("transfer/begin")
_TAKE = ArqScript.load("transfer/take")
_DROP = ArqScript.load("transfer/drop")
_RELEASE = ArqScript.load("transfer/release")
_CLOSE = ArqScript.load("transfer/close")

_FIELDS: Final = 10

_MONARQ_HEALTH_MS: Final = 60_000
"""monarq's workers with arq's settings also write the health check, with a TTL of one lease. arq's own write it with a
TTL of an hour."""

_SAME_MS: Final = 1000
"""How much producers' clocks may differ from Redis' before a job counts as deferred."""


class ArqMoveSource:
    """See `monarq.shared.protocol.transfer.MoveSource`.

    Args:
        name: the queue's name.
    """

    sets: Final = ("io", "cpu", "parked")

    def __init__(self, name: str) -> None:
        self._keys = QueueKeys.of(name)

    @property
    def ref(self) -> QueueRef:
        """See the protocol."""
        return self._keys.ref

    async def check(self, redis: Redis, target: QueueRef) -> None:
        """See the protocol."""
        noted = await redis.get(self._keys.moving)
        moving = None if noted is None else text(noted).partition(" ")[2]
        if moving is not None and moving != target_note(target):
            raise moved_elsewhere(self.ref, read_target(moving))

    async def find_obstacle(self, redis: Redis) -> str | None:
        """See the protocol. A monarq worker with arq's settings hides the health check of arq's own workers."""
        health_key = self._keys.queue + HEALTH_CHECK_SUFFIX
        left_ms = await redis.pttl(health_key)
        if left_ms == -2:
            return None
        now_ms = await read_now_ms(redis)
        has_own_worker = bool(await redis.zcount(self._keys.workers, f"({now_ms}", "+inf"))
        if has_own_worker and 0 <= left_ms <= _MONARQ_HEALTH_MS:
            return None
        return f"its health check ({health_key}) is there"

    async def begin(self, redis: Redis, target: QueueRef, run: str) -> Begun:
        """See the protocol."""
        since_ms, second = await _BEGIN.run_on(redis, self._keys, (run, target_note(target)))
        if since_ms < 0:
            raise moved_elsewhere(self.ref, read_target(text(second)))
        return Begun(was_paused=since_ms > 0, goes_on=second == 1)

    async def take(self, redis: Redis, run: str, source_set: str, skip: int, limit: int) -> TakenPage:
        """See the protocol. cpu jobs, which are only parked in the queue, are taken from their own set."""
        arguments = (run, source_set, skip, min(limit, PAGE), LEASE_MS, PAGE_BYTES)
        reply = reply_of_run(self.ref, await _TAKE.run_on(redis, self._keys, arguments))
        now_ms, looked, running, foreign, cancelling, gone, *fields = reply
        members = [fields[at : at + _FIELDS] for at in range(0, len(fields), _FIELDS)]
        if source_set == "parked":
            strays = tuple((raw_id, text(score)) for raw_id, _, score, *_ in members)
            return TakenPage(now_ms, max(looked, 0), is_end=looked < 0, strays=strays)
        jobs = tuple(_job(member, now_ms) for member in members)
        return TakenPage(now_ms, max(looked, 0), jobs, looked < 0, running, foreign, cancelling, gone)

    async def drop(self, redis: Redis, run: str, jobs: Sequence[MovedJob]) -> list[DropAnswer]:
        """See the protocol."""
        check_batch(jobs, PAGE)
        arguments: list[Argument] = [run]
        for job in jobs:
            arguments += (job.raw_id, job.request)
        return [read_drop(code) for code in reply_of_run(self.ref, await _DROP.run_on(redis, self._keys, arguments))]

    async def release(self, redis: Redis, run: str, jobs: Sequence[MovedJob]) -> None:
        """See the protocol."""
        check_batch(jobs, PAGE)
        await _RELEASE.run_on(redis, self._keys, (run, *(job.raw_id for job in jobs)))

    async def close(self, redis: Redis, run: str) -> bool:
        """See the protocol."""
        return bool(await _CLOSE.run_on(redis, self._keys, (run,)))


def _job(fields: Sequence[Any], now_ms: int) -> MovedJob:
    raw_id, payload, score, lane, tries, crash, request, left_ms, history, progress = fields
    crashes, crash_note = read_crash(crash)
    used = read_number(tries or b"0")
    due_ms = max(0.0, float(score))  # anybody may have written it: -inf is also due, before all others
    may_expire = due_ms % 1 == EXPIRES_MARK
    if may_expire:
        due_ms = math.ceil(due_ms)  # its score is less than 1 ms before its due time
    enqueue_ms = _enqueue_ms(payload)
    waits_since_its_enqueue = not used and not crashes and abs(due_ms - (enqueue_ms or 0)) <= _SAME_MS
    return MovedJob(
        raw_id=raw_id,
        payload=payload,
        lane_queue="cpu" if lane == b"cpu" else "io",
        due_ms=due_ms,
        tries=used,
        crashes=crashes,
        crash_note=crash_note,
        unknown_ms=read_unknown(crash),
        last_due_ms=0 if waits_since_its_enqueue else int(due_ms),
        expires_ms=now_ms + left_ms if left_ms >= 0 else None,
        may_expire=may_expire,
        cancel_asked_ms=_asked_ms(request, enqueue_ms),
        request=request,
        history=tuple(line.replace(b"\n", b" ") for line in history),
        progress=progress,
    )


def _enqueue_ms(payload: bytes) -> int | None:
    """When it was enqueued, if the payload's head or tail tells: it is not decoded."""
    tail = payload[-TAIL_BYTES:] if len(payload) > HEAD_BYTES else b""
    return read_head(payload[:HEAD_BYTES], tail).enqueue_ms


def _asked_ms(request: bytes, enqueue_ms: int | None) -> int | None:
    """When its cancellation was requested; None if it was not, or if an earlier job with the same id was meant."""
    if not request:
        return None
    asked_ms = float(request)
    if asked_ms % 1 != ASKED_MARK and enqueue_ms is not None and asked_ms < enqueue_ms:
        return None
    return read_number(request)
