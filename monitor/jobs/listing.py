"""Lists of jobs by state, and the search for some of them: what the page and `monarq jobs list` show.

A page costs one call to Redis and the same with ten jobs queued as with ten million; of payloads a little of the
beginning is read, and none is unpickled.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, Literal, cast, get_args

import msgspec
from redis.asyncio import Redis

from monarq.monitor.jobs.dead import DeadLetter, read_dead_page
from monarq.monitor.jobs.recent import MOST as MOST_ENDED
from monarq.monitor.jobs.recent import Ended, read_recent
from monarq.shared.commands.queues.browse import BATCH, START, Browsed, Live, Place, browse
from monarq.shared.lane import LaneName
from monarq.shared.payloads.payload_head import read_head
from monarq.shared.redis.claim_token import parse_token
from monarq.shared.redis.keys import QueueKeys
from monarq.shared.redis.scripts import text

MOST_ROWS: Final = BATCH
"""The most jobs that one page has."""

MOST_LOOKED_AT: Final = 1000
"""How many jobs one search by name looks at."""

ListedState = Literal["queued", "deferred", "running", "dead", "ended"]
PagedState = Literal["queued", "deferred", "running", "dead"]
LISTED_STATES: Final[tuple[ListedState, ...]] = get_args(ListedState)

State = Literal["queued", "deferred", "running", "dead", "done", "failed", "aborted", "ended", "unplaced"]
"""What a job is doing. "ended": it has ended, and its result, which would tell how, was not kept. "unplaced": its
payload is there, and it stands in none of the queues that were looked at."""


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job in a list. Times are unix ms; what is not known is None.

    Attributes:
        raw_id: the job's id as Redis holds it.
        id: the same as text.
        queue: its queue.
        state: what it is doing. Among the queued may be one that runs: stock arq workers leave theirs there.
        name: the job's name, where it can be read without decoding what is not safe to decode.
        lane: the set that it waits in: "cpu", or "io" for all others; of one that has ended, the lane that it ran in,
            where its result or its letter tells.
        enqueue_ms: when it was enqueued, by its client's clock.
        due_ms: when it is, or was, due, by Redis' clock; None while it runs, 1 or less where it was put in front.
        tries: tries that it has used; of a dead job, how often it was tried; 0 too where that is not known.
        crashes: how often its worker was lost while it ran.
        worker: the id of the worker that runs it, or gave it up; "arq" where a stock arq worker runs it.
        started_ms: since when it runs, by its worker's clock.
        ended_ms: when it died or ended.
        error: what a dead job failed of, else ''.
        abort_ms: when somebody asked for its abort.
        payload_bytes: the size of its payload; None where that is gone.
    """

    raw_id: bytes
    id: str
    queue: str
    state: State
    name: str | None = None
    lane: LaneName | None = "io"
    enqueue_ms: int | None = None
    due_ms: int | None = None
    tries: int = 0
    crashes: int = 0
    worker: str | None = None
    started_ms: int | None = None
    ended_ms: int | None = None
    error: str = ""
    abort_ms: int | None = None
    payload_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some of a queue's jobs.

    Attributes:
        rows: the jobs; with a name given there may be none although others follow.
        next: give it as `after` for the next page; None where this is the last.
        looked_at: how many jobs were looked at for it.
        now_ms: Redis' time.
    """

    rows: tuple[JobRow, ...]
    next: str | None
    looked_at: int
    now_ms: int


class PlaceError(ValueError):
    """What was given as `after` is none of `JobPage.next`, or that of another list."""

    def __init__(self) -> None:
        super().__init__("there is no such place in this list: begin at its first page")


async def list_jobs(
    redis: Redis,
    queue: str,
    state: ListedState,
    *,
    after: str | None = None,
    limit: int = 50,
    name: str | None = None,
) -> JobPage:
    """One page of the jobs of a state.

    The queued and deferred come in the order in which they are due, the running worker by worker, the dead and the
    ended newest first. The ended are a sample of those that ended lately, on one page.

    Args:
        redis: the client.
        queue: the queue's name.
        state: which jobs.
        after: `JobPage.next` of the page before; None for the first.
        limit: how many rows, at most `MOST_ROWS`.
        name: only jobs of this name, or a pattern with ``*`` and ``?``; no more than `MOST_LOOKED_AT` jobs are looked
            at for a page, whether they fit or not, and the page says how many they were.

    Raises:
        PlaceError: `after` is no place in this list.
        RedisError: Redis did not answer.
    """
    limit = max(1, min(limit, MOST_ROWS))
    if state == "ended":
        return await _read_ended(redis, queue, limit, name)
    place = None if after is None else _open_place(state, after)
    if name is None:
        return await _read_page(redis, queue, state, place, limit)
    return await _search(redis, queue, state, place, limit, name)


async def _search(redis: Redis, queue: str, state: PagedState, place: Place | None, limit: int, name: str) -> JobPage:
    """Pages no longer than what is missing are read, so that a page never ends behind a job that it does not show."""
    found: list[JobRow] = []
    looked_at = 0
    while True:
        missing = limit - len(found)
        page = await _read_page(redis, queue, state, place, min(MOST_ROWS, MOST_LOOKED_AT - looked_at))
        fitting = [row for row in page.rows if row.name is not None and fnmatchcase(row.name, name)]
        if len(fitting) > missing:
            # The rest of this page is for the next one: read it again, as far as the last that is shown.
            upto = page.rows.index(fitting[missing - 1]) + 1
            page = await _read_page(redis, queue, state, place, upto)
            fitting = [row for row in page.rows if row.name is not None and fnmatchcase(row.name, name)]
        found += fitting
        looked_at += len(page.rows)
        if page.next is None or len(found) >= limit or looked_at >= MOST_LOOKED_AT:
            return JobPage(tuple(found), page.next, looked_at, page.now_ms)
        place = _open_place(state, page.next)


async def _read_page(redis: Redis, queue: str, state: PagedState, place: Place | None, limit: int) -> JobPage:
    if state == "dead":
        return await _read_dead(redis, queue, place, limit)
    page = await browse(redis, QueueKeys.of(queue), state, place or START, limit)
    rows = tuple(row_of(queue, state, job) for job in page.jobs)
    following = None if page.next is None else _close_place(state, page.next)
    return JobPage(rows, following, len(rows), page.now_ms)


def row_of(queue: str, state: State, job: Browsed) -> JobRow:
    """A row from what Redis told of a job that has not ended."""
    head = read_head(job.head, job.tail)
    holder = parse_token(job.token) if job.token else None
    return JobRow(
        raw_id=job.raw_id,
        id=text(job.raw_id),
        queue=queue,
        state="running" if holder else state,
        name=head.name,
        lane=job.lane_queue,
        enqueue_ms=head.enqueue_ms,
        due_ms=job.due_ms,
        tries=job.tries,
        crashes=job.crashes,
        worker=holder.worker if holder else None,
        started_ms=holder.claimed_ms if holder else None,
        abort_ms=job.abort_ms,
        payload_bytes=job.payload_bytes,
    )


async def _read_dead(redis: Redis, queue: str, place: Place | None, limit: int) -> JobPage:
    after = None if place is None else (cast("bytes", place[0]), float(place[1]))
    page = await read_dead_page(redis, queue, after, limit)
    following = None if page.last is None else _close_place("dead", (page.last[0], repr(page.last[1]).encode()))
    return JobPage(tuple(map(row_of_letter, page.letters)), following, len(page.letters), page.now_ms)


def row_of_letter(letter: DeadLetter) -> JobRow:
    """The row of a dead job."""
    return JobRow(
        raw_id=letter.raw_id,
        id=letter.id,
        queue=letter.queue,
        state="dead",
        name=letter.name or None,
        lane=letter.lane,
        enqueue_ms=letter.enqueue_ms or None,
        tries=letter.tries,
        crashes=letter.crashes,
        worker=letter.worker or None,
        started_ms=letter.start_ms or None,
        ended_ms=letter.died_ms or None,
        error=letter.error,
        payload_bytes=letter.payload_bytes,
    )


async def _read_ended(redis: Redis, queue: str, limit: int, name: str | None) -> JobPage:
    seconds, micros = await redis.time()
    ended = await read_recent(redis, queue, MOST_ENDED)
    fitting = [one for one in ended if name is None or fnmatchcase(one.name, name)]
    rows = tuple(_row_of_ended(queue, one) for one in fitting[:limit])
    return JobPage(rows, None, len(ended), int(seconds) * 1000 + int(micros) // 1000)


def _row_of_ended(queue: str, ended: Ended) -> JobRow:
    return JobRow(
        raw_id=ended.job_id.encode(),
        id=ended.job_id,
        queue=queue,
        state=cast("State", ended.state) if ended.state in _ENDS else "ended",
        name=ended.name or None,
        lane=ended.lane,
        started_ms=None if ended.run_ms is None else ended.ended_ms - ended.run_ms,
        ended_ms=ended.ended_ms,
    )


_ENDS: Final = frozenset({"done", "failed", "dead", "aborted"})


def _close_place(state: PagedState, place: Place) -> str:
    """A place as text that goes into an address."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode((state, place))).decode().rstrip("=")


_DEAD_PLACE: Final = msgspec.msgpack.Decoder(tuple[Literal["dead"], tuple[bytes, bytes]])
_LIVE_PLACE: Final = msgspec.msgpack.Decoder(tuple[Live, tuple[bytes, bytes, bytes, bytes, int]])


def _open_place(state: PagedState, given: str) -> Place:
    decoder = _DEAD_PLACE if state == "dead" else _LIVE_PLACE
    try:
        known, place = decoder.decode(base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)))
        scores = place[1:] if state == "dead" else place[0:4:2]
        numbers = [float(score) for score in scores if score != b""]
    except (msgspec.DecodeError, binascii.Error, ValueError):
        raise PlaceError from None
    if known != state or any(number != number for number in numbers):
        raise PlaceError
    return place
