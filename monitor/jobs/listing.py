"""Lists of jobs by state, page by page, and the search for jobs by name, for the page and `monarq jobs list`.

A page is one call to Redis and costs the same with ten jobs queued as with ten million. Of each payload only a
few bytes are read, and none is unpickled.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final, Literal, cast, get_args

import msgspec
from redis.asyncio import Redis

from monarq.monitor.jobs.dead_letters import DeadLetter, read_dead_letter_page
from monarq.monitor.jobs.ended import MOST as MOST_ENDED
from monarq.monitor.jobs.ended import EndedJob, read_ended
from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.lane import LaneName
from monarq.shared.payloads.payload_head import read_head
from monarq.shared.protocol.dead_letters import DeadEntry
from monarq.shared.protocol.pages import BATCH, BrowsedJob, LiveState, PagePosition, PositionError
from monarq.shared.protocol.queue_ref import Format, QueueRef
from monarq.shared.redis.clock import read_now_ms
from monarq.shared.redis.replies import text

MOST_ROWS: Final = BATCH
"""The most jobs of one page."""

MOST_LOOKED_AT: Final = 1000
"""The most jobs that one search by name examines."""

ListedState = Literal["queued", "deferred", "running", "succeeded", "failed", "cancelled", "ended"]
PagedState = Literal["queued", "deferred", "running", "failed"]
LISTED_STATES: Final[tuple[ListedState, ...]] = get_args(ListedState)

State = Literal["queued", "deferred", "running", "succeeded", "failed", "cancelled", "unknown"]
"""The state of a job. "unknown": it has ended, but its result was not kept or cannot be read; or its payload exists,
but it is in none of the searched queues."""


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job in a list. Times are unix ms; unknown values are None.

    Attributes:
        raw_id: the job's id as Redis holds it.
        job_id: the same as text.
        queue: its queue.
        format: the queue's format.
        state: its state. A queued job may be running: stock arq workers leave the jobs that they run in the queue.
        name: the job's name, if it can be read without decoding anything unsafe.
        lane: the lane queue that it waits in: "cpu", or "io" for all others; for an ended job, the lane that it ran in,
            if its result or dead letter has it.
        enqueued_ms: when it was enqueued, by its client's clock.
        due_ms: when it is or was due, by Redis' clock; None while it runs; 1 or less if it was put at the head.
        tries: tries that it has used; for a dead job, how often it was tried; also 0 if unknown.
        crashes: how often its worker was lost while it ran.
        worker: the id of the worker that runs it or wrote its dead letter; "arq" if a stock arq worker runs it.
        started_ms: when its run started, by its worker's clock.
        ended_ms: when it ended.
        error: the error of a failed job if known, else ''.
        dead: whether it failed and left a dead letter, so that it can be retried.
        cancel_asked_ms: when its cancellation was requested.
        payload_bytes: the size of its payload; None if that is gone.
    """

    raw_id: bytes
    job_id: str
    queue: str
    format: Format
    state: State
    name: str | None = None
    lane: LaneName | None = "io"
    enqueued_ms: int | None = None
    due_ms: int | None = None
    tries: int = 0
    crashes: int = 0
    worker: str | None = None
    started_ms: int | None = None
    ended_ms: int | None = None
    error: str = ""
    dead: bool = False
    cancel_asked_ms: int | None = None
    payload_bytes: int | None = None

    @property
    def ref(self) -> QueueRef:
        """Its queue."""
        return QueueRef(self.queue, self.format)


@dataclass(frozen=True, slots=True)
class JobPage:
    """A page of a queue's jobs.

    Attributes:
        rows: the jobs; in a search by name, there may be none although the next page has some.
        next: the cursor to pass as `after` for the next page; None on the last page.
        looked_at: how many jobs were examined.
        now_ms: Redis' time.
    """

    rows: tuple[JobRow, ...]
    next: str | None
    looked_at: int
    now_ms: int


class CursorError(ValueError):
    """The given `after` is not a `JobPage.next`, or is that of another list."""

    def __init__(self) -> None:
        super().__init__("there is no such position in this list: start at its first page")


async def list_jobs(
    redis: Redis,
    queue: QueueRef,
    state: ListedState,
    *,
    after: str | None = None,
    limit: int = 50,
    name: str | None = None,
) -> JobPage:
    """One page of the jobs in a state.

    Queued and deferred jobs are in the order in which they are due, running ones worker by worker, ended ones newest
    first. Failed jobs are all that left a dead letter and, on the last page, those of the sample that left none.
    Succeeded, cancelled and "ended" jobs (all three) are a sample of the recent ones, on one page.

    Args:
        redis: the client.
        queue: the queue.
        state: which jobs.
        after: `JobPage.next` of the previous page; None for the first.
        limit: how many rows, at most `MOST_ROWS`.
        name: only jobs with this name, or a pattern with ``*`` and ``?``. At most `MOST_LOOKED_AT` jobs are examined
            for a page, whether they match or not; the page says how many.

    Raises:
        CursorError: `after` is not a cursor of this list.
        RedisError: Redis did not answer.
    """
    limit = max(1, min(limit, MOST_ROWS))
    paged = next((each for each in get_args(PagedState) if each == state), None)
    if paged is None:
        return await _read_ended(redis, queue, state, limit, name)
    cursor = None if after is None else _decode_cursor(paged, after)
    if name is None:
        page = await _read_page(redis, queue, paged, cursor, limit)
    else:
        page = await _search(redis, queue, paged, cursor, limit, name)
    if paged != "failed" or page.next is not None or len(page.rows) >= limit:
        return page
    ended = await _read_ended(redis, queue, state, limit, name)
    unlisted = [row for row in ended.rows if not row.dead]
    return replace(page, rows=(*page.rows, *unlisted)[:limit], looked_at=page.looked_at + len(unlisted))


async def _search(
    redis: Redis, queue: QueueRef, state: PagedState, cursor: PagePosition | None, limit: int, name: str
) -> JobPage:
    """Reads until the page is full. Its cursor is the last displayed row's, so that no match is skipped."""
    found: list[JobRow] = []
    looked_at = 0
    while True:
        missing = limit - len(found)
        page = await _read_page(redis, queue, state, cursor, min(MOST_ROWS, MOST_LOOKED_AT - looked_at))
        matching = _matching(page.rows, name)
        if len(matching) > missing:
            # The other matches are for the next page: read this one again up to the last displayed row.
            upto = page.rows.index(matching[missing - 1]) + 1
            page = await _read_page(redis, queue, state, cursor, upto)
            matching = _matching(page.rows, name)
        found += matching
        looked_at += len(page.rows)
        if page.next is None or len(found) >= limit or looked_at >= MOST_LOOKED_AT:
            return JobPage(tuple(found), page.next, looked_at, page.now_ms)
        cursor = _decode_cursor(state, page.next)


def _matching(rows: Iterable[JobRow], name: str) -> list[JobRow]:
    return [row for row in rows if row.name is not None and fnmatchcase(row.name, name)]


async def _read_page(
    redis: Redis, queue: QueueRef, state: PagedState, cursor: PagePosition | None, limit: int
) -> JobPage:
    if state == "failed":
        return await _read_dead(redis, queue, cursor, limit)
    try:
        page = await monitor_queue(queue).browse(redis, state, cursor, limit)
    except PositionError:
        raise CursorError from None
    rows = tuple(job_row(queue, state, job) for job in page.jobs)
    following = None if page.next is None else _encode_cursor(state, page.next)
    return JobPage(rows, following, len(rows), page.now_ms)


def job_row(queue: QueueRef, state: State, job: BrowsedJob) -> JobRow:
    """The row of a job that has not ended."""
    head = read_head(job.head, job.tail)
    return JobRow(
        raw_id=job.raw_id,
        job_id=text(job.raw_id),
        queue=queue.name,
        format=queue.format,
        state="running" if job.holder else state,
        name=head.name,
        lane=job.lane_queue,
        enqueued_ms=head.enqueue_ms,
        due_ms=job.due_ms,
        tries=job.tries,
        crashes=job.crashes,
        worker=job.holder.worker if job.holder else None,
        started_ms=job.holder.claimed_ms if job.holder else None,
        cancel_asked_ms=job.cancel_asked_ms,
        payload_bytes=job.payload_bytes,
    )


async def _read_dead(redis: Redis, queue: QueueRef, cursor: PagePosition | None, limit: int) -> JobPage:
    after = None if cursor is None else DeadEntry(cast("bytes", cursor[0]), float(cursor[1]))
    page = await read_dead_letter_page(redis, queue, after, limit)
    following = (
        None if page.last is None else _encode_cursor("failed", (page.last.raw_id, repr(page.last.died_ms).encode()))
    )
    return JobPage(tuple(map(dead_letter_row, page.letters)), following, len(page.letters), page.now_ms)


def dead_letter_row(letter: DeadLetter) -> JobRow:
    """The row of a dead job."""
    return JobRow(
        raw_id=letter.raw_id,
        job_id=letter.job_id,
        queue=letter.queue,
        format=letter.format,
        state="failed",
        name=letter.name or None,
        lane=letter.lane,
        enqueued_ms=letter.enqueued_ms or None,
        tries=letter.tries,
        crashes=letter.crashes,
        worker=letter.worker or None,
        started_ms=letter.started_ms or None,
        ended_ms=letter.died_ms or None,
        error=letter.error,
        dead=True,
        payload_bytes=letter.payload_bytes,
    )


async def _read_ended(redis: Redis, queue: QueueRef, state: ListedState, limit: int, name: str | None) -> JobPage:
    now_ms = await read_now_ms(redis)
    ended = await read_ended(redis, queue, MOST_ENDED)
    named = [_ended_row(queue, one) for one in ended if name is None or fnmatchcase(one.name, name)]
    rows = [row for row in named if state in ("ended", row.state)]
    return JobPage(tuple(rows[:limit]), None, len(ended), now_ms)


def _ended_row(queue: QueueRef, ended: EndedJob) -> JobRow:
    return JobRow(
        raw_id=ended.job_id.encode(),
        job_id=ended.job_id,
        queue=queue.name,
        format=queue.format,
        state=_END_STATES.get(ended.state, "unknown"),
        name=ended.name or None,
        lane=ended.lane,
        started_ms=None if ended.run_ms is None else ended.ended_ms - ended.run_ms,
        ended_ms=ended.ended_ms,
        dead=ended.state == "dead",
    )


_END_STATES: Final[Mapping[str, State]] = {
    "succeeded": "succeeded",
    "failed": "failed",
    "dead": "failed",
    "cancelled": "cancelled",
}


def _encode_cursor(state: PagedState, cursor: PagePosition) -> str:
    """A cursor as text that fits into a URL."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode((state, cursor))).decode().rstrip("=")


_FAILED_CURSOR: Final = msgspec.msgpack.Decoder(tuple[Literal["failed"], tuple[bytes, bytes]])
_LIVE_CURSOR: Final = msgspec.msgpack.Decoder(tuple[LiveState, PagePosition])


def _decode_cursor(state: PagedState, encoded: str) -> PagePosition:
    decoder = _FAILED_CURSOR if state == "failed" else _LIVE_CURSOR
    try:
        known, cursor = decoder.decode(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
        is_number = state != "failed" or not math.isnan(float(cursor[1]))
    except (msgspec.DecodeError, binascii.Error, ValueError):
        raise CursorError from None
    if known != state or not is_number:
        raise CursorError
    return cursor
