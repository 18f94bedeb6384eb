"""Reads of a queue's jobs: pages, the facts of one, and those that ended."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final, cast

import msgspec
from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.progress import read_progress
from monarq.shared.formats.native.monitor.job_facts import read_facts
from monarq.shared.formats.native.monitor.native_queue import NativeQueue
from monarq.shared.formats.native.monitor.workers import read_start_times
from monarq.shared.formats.native.queues.browse import browse
from monarq.shared.payloads.progress import Progress
from monarq.shared.payloads.progress_codec import decode_progress
from monarq.shared.protocol.job_facts import JobFacts, Trace
from monarq.shared.protocol.monitor_queue import ReadTrace
from monarq.shared.protocol.monitor_records import EndedRecord
from monarq.shared.protocol.pages import BrowsedJob, LiveState, Page, PagePosition
from monarq.shared.redis.replies import text

_MOST_CALLS: Final = 60
"""Jobs are listed from this many of the last calls that ended jobs."""

_Ended = tuple[str, int | None, str, str, str]
_ENDED: Final = msgspec.msgpack.Decoder(list[_Ended])


class NativeJobReads(NativeQueue):
    """See `monarq.shared.protocol.monitor_queue.JobReads`."""

    async def browse(self, redis: Redis, state: LiveState, position: PagePosition | None, limit: int) -> Page:
        """See the protocol."""
        page = await browse(redis, self._keys, state, position, limit)
        return await _with_start_times(redis, page) if state == "running" else page

    async def read_facts(self, redis: Redis, raw_id: bytes, *, with_payload: bool) -> JobFacts:
        """See the protocol."""
        return await read_facts(redis, self._keys, raw_id, with_payload=with_payload)

    def ask_trace(self, pipeline: Any, raw_id: bytes) -> ReadTrace:
        """See the protocol."""
        keys = self._keys
        pipeline.hexists(keys.key("payloads"), raw_id)
        pipeline.hexists(keys.key("letters"), raw_id)
        history = [keys.key("trails"), *keys.ring("tombstones")]
        results = [keys.key("kept"), *keys.ring("results")]
        for key in (*history, *results):
            pipeline.hexists(key, raw_id)

        def read_trace(replies: Iterator[Any]) -> Trace:
            # A key of another type counts as missing.
            is_alive, is_dead, *others = (reply == 1 for reply in islice(replies, 2 + len(history) + len(results)))
            has_history, has_result = any(others[: len(history)]), any(others[len(history) :])
            if is_alive:
                return Trace.ALIVE
            if is_dead:
                return Trace.DEAD
            return Trace.HISTORY if has_history else Trace.RESULT if has_result else Trace.NONE

        return read_trace

    async def read_progress(self, redis: Redis, job_ids: Sequence[str]) -> list[Progress | None]:
        """See the protocol."""
        reports = await read_progress(redis, self._keys, job_ids)
        return [None if report is None else decode_progress(report) for report in reports]

    async def read_ended(self, redis: Redis, limit: int) -> list[EndedRecord]:
        """See the protocol."""
        last = min(limit, _MOST_CALLS) - 1
        calls = await cast("Awaitable[list[bytes]]", redis.lrange(self._keys.key("recent"), 0, last))
        return [job for call in calls for job in _ended(call)][:limit]


async def _with_start_times(redis: Redis, page: Page) -> Page:
    """The page with the start times that workers have reported, as a claim records no time."""
    workers = {job.holder.worker for job in page.jobs if job.holder}
    started = await read_start_times(redis, workers) if workers else {}
    return replace(page, jobs=tuple(_with_start_time(job, started) for job in page.jobs))


def _with_start_time(job: BrowsedJob, started: dict[tuple[str, str], int]) -> BrowsedJob:
    if job.holder is None:
        return job
    return replace(job, holder=replace(job.holder, claimed_ms=started.get((job.holder.worker, text(job.raw_id)))))


def _ended(call: bytes) -> Iterator[EndedRecord]:
    """Some jobs that one call ended, the last one first."""
    ended_ms, _, packed = call.partition(b" ")
    for state, run_ms, name, job_id, lane in reversed(_ENDED.decode(packed)):
        yield EndedRecord(job_id.encode(), name, state, int(ended_ms), run_ms, lane)
