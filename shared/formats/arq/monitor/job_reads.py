"""Reads of a queue's jobs: pages, the facts of one, and those that ended."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, cast

import msgspec
from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.jobs.progress import read_progress
from monarq.shared.formats.arq.monitor.arq_queue import ArqQueue, job_key
from monarq.shared.formats.arq.monitor.job_facts import read_facts
from monarq.shared.formats.arq.queues.browse import START, browse
from monarq.shared.payloads.progress import Progress
from monarq.shared.protocol.job_facts import JobFacts, Trace
from monarq.shared.protocol.monitor_queue import ReadTrace
from monarq.shared.protocol.monitor_records import EndedRecord
from monarq.shared.protocol.pages import LiveState, Page, PagePosition, PositionError
from monarq.shared.redis.replies import text

MOST_ENDED: Final = 500
"""How many ended jobs are kept."""


class ArqJobReads(ArqQueue):
    """See `monarq.shared.protocol.monitor_queue.JobReads`."""

    async def browse(self, redis: Redis, state: LiveState, position: PagePosition | None, limit: int) -> Page:
        """See the protocol."""
        place = START if position is None else _checked(position)
        return await browse(redis, self._keys, state, place, limit)

    async def read_facts(self, redis: Redis, raw_id: bytes, *, with_payload: bool) -> JobFacts:
        """See the protocol."""
        return await read_facts(redis, self._keys, raw_id, with_payload=with_payload)

    def ask_trace(self, pipeline: Any, raw_id: bytes) -> ReadTrace:
        """See the protocol."""
        keys = self._keys
        pipeline.zscore(keys.queue, raw_id)
        pipeline.exists(job_key(keys.dead_letter(""), raw_id))
        pipeline.exists(job_key(keys.history(""), raw_id), job_key(keys.no_result(""), raw_id))
        pipeline.exists(job_key(names.RESULT_PREFIX, raw_id))
        return _read_trace

    async def read_progress(self, redis: Redis, job_ids: Sequence[str]) -> list[Progress | None]:
        """See the protocol."""
        return await read_progress(redis, self._keys, job_ids)

    async def read_ended(self, redis: Redis, limit: int) -> list[EndedRecord]:
        """See the protocol."""
        last = min(limit, MOST_ENDED) - 1
        entries = await cast("Awaitable[list[bytes]]", redis.lrange(self._keys.recent, 0, last))
        return [_ended(entry) for entry in entries]


def _checked(position: PagePosition) -> PagePosition:
    """A position that is valid for the script, as anybody may have changed it."""
    try:
        io_score, _, cpu_score, _, _ = place = msgspec.convert(position, tuple[bytes, bytes, bytes, bytes, int])
        scores = [float(score) for score in (io_score, cpu_score) if score != b""]
    except (msgspec.ValidationError, ValueError):
        raise PositionError from None
    if any(score != score for score in scores):
        raise PositionError
    return place


def _read_trace(replies: Iterator[Any]) -> Trace:
    """A score of 0 counts; a key of another type counts as missing."""
    found = (None if isinstance(reply, Exception) else reply for reply in islice(replies, 4))
    score, letters, others, results = found
    if score is not None:
        return Trace.ALIVE
    if letters:
        return Trace.DEAD
    if others:
        return Trace.HISTORY
    return Trace.RESULT if results else Trace.NONE


def _ended(entry: bytes) -> EndedRecord:
    ended_ms, state, run_ms, name, raw_id, *lane = entry.split(b"\0", 5)
    return EndedRecord(
        raw_id=raw_id,
        name=text(name),
        state=text(state),
        ended_ms=int(ended_ms),
        run_ms=int(run_ms) if run_ms else None,
        lane=text(*lane) if lane else "",
    )
