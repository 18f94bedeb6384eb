"""Dead letters: jobs that will not run again, read without decoding their payloads.

`monarq dead` and the page read them here, page by page, newest first; a page costs the same however many there are.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

import msgspec
from redis.asyncio import Redis

from monarq.monitor.jobs.ended import lane_of_ended
from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.lane import LaneName
from monarq.shared.protocol.dead_letters import DeadEntry, DeadRecord
from monarq.shared.protocol.queue_ref import Format, QueueRef
from monarq.shared.redis.clock import read_now_ms
from monarq.shared.redis.replies import text

PAGE: Final = 200
"""How many dead letters one round trip reads."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A job that will not run again, and why. Times are unix ms; unknown ones are 0.

    Attributes:
        raw_id: the job's id as Redis holds it.
        queue: its queue.
        format: the queue's format.
        job_id: its id as text.
        name: the job's name; '' or '<unknown>' if its payload has none.
        error: class and message of the error that it failed with.
        error_type: the class alone.
        traceback: as text, cut to its last 20,000 characters; '' if there was none.
        tries: how often it was tried.
        crashes: how often its worker was lost while it ran.
        crash_note: what was known about the last crash.
        worker: the id of the worker that wrote the dead letter.
        lane: the lane that it ran in.
        enqueued_ms: when it was enqueued.
        started_ms: when its last run began.
        ended_ms: when its last run ended.
        died_ms: when the dead letter was written, by Redis' clock.
        payload_bytes: the size of its payload; None if that was gone.
    """

    raw_id: bytes
    queue: str
    format: Format
    job_id: str
    name: str
    error: str
    error_type: str
    traceback: str
    tries: int
    crashes: int
    crash_note: str
    worker: str
    lane: LaneName
    enqueued_ms: int
    started_ms: int
    ended_ms: int
    died_ms: int
    payload_bytes: int | None

    @property
    def ref(self) -> QueueRef:
        """Its queue."""
        return QueueRef(self.queue, self.format)


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Which dead letters are chosen; all by default.

    Attributes:
        name: the job's name, or a pattern with ``*`` and ``?``.
        error: text that the error contains; case is ignored.
        older_s: died at least this many seconds ago.
        newer_s: died less than this many seconds ago.
    """

    name: str | None = None
    error: str | None = None
    older_s: float | None = None
    newer_s: float | None = None

    @property
    def is_all(self) -> bool:
        """Whether it matches every dead letter."""
        return self == DeadLetterFilter()

    def matches(self, letter: DeadLetter) -> bool:
        """Whether a dead letter matches by its name and error."""
        if self.name is not None and not fnmatchcase(letter.name, self.name):
            return False
        return self.error is None or self.error.lower() in f"{letter.error}\n{letter.error_type}".lower()


class _Record(msgspec.Struct):
    """A dead letter as a worker of this version or another has written it."""

    error: str = ""
    error_type: str = ""
    traceback: str = ""
    tries: int = 0
    crashes: int = 0
    crash_note: str = ""
    worker: str = ""
    home: str = "io"
    lane: str = ""
    enqueue_ms: int = 0
    start_ms: int = 0
    finish_ms: int = 0


_RECORD: Final = msgspec.json.Decoder(_Record, strict=False)


async def count_dead_letters(redis: Redis, queue: QueueRef) -> int:
    """How many dead letters a queue lists; some of them may have expired."""
    return await monitor_queue(queue).count_dead(redis)


async def find_dead_letters(redis: Redis, queue: QueueRef, chosen: DeadLetterFilter) -> AsyncIterator[DeadLetter]:
    """The dead letters that a filter matches, newest first; jobs that die meanwhile are left out.

    Raises:
        RedisError: Redis did not answer.
    """
    now_ms = await read_now_ms(redis)
    oldest_ms = float("-inf") if chosen.newer_s is None else now_ms - 1000 * chosen.newer_s
    seen: set[bytes] = set()
    after: DeadEntry | float = now_ms - 1000 * (chosen.older_s or 0)
    while page := await monitor_queue(queue).list_dead(redis, after, PAGE):
        fresh = [entry.raw_id for entry in page if entry.died_ms > oldest_ms and entry.raw_id not in seen]
        for letter in await read_dead_letters(redis, queue, fresh):
            if chosen.matches(letter):
                yield letter
        after = page[-1]
        if after.died_ms <= oldest_ms:
            return
        seen.update(fresh)


@dataclass(frozen=True, slots=True)
class DeadLetterPage:
    """A page of a queue's dead letters, newest first.

    Attributes:
        letters: those that have not expired.
        last: the last one examined; None if no other follows.
        now_ms: Redis' time.
    """

    letters: tuple[DeadLetter, ...]
    last: DeadEntry | None
    now_ms: int


async def read_dead_letter_page(redis: Redis, queue: QueueRef, after: DeadEntry | None, limit: int) -> DeadLetterPage:
    """The dead letters after the given one, or the newest.

    Raises:
        RedisError: Redis did not answer.
    """
    listed = await monitor_queue(queue).list_dead(redis, after, limit + 1)
    now_ms = await read_now_ms(redis)
    page = listed[:limit]
    letters = await read_dead_letters(redis, queue, [entry.raw_id for entry in page])
    return DeadLetterPage(tuple(letters), page[-1] if len(listed) > limit else None, now_ms)


async def read_dead_letters(redis: Redis, queue: QueueRef, raw_ids: Sequence[bytes]) -> list[DeadLetter]:
    """The dead letters of these jobs, as far as they have one, in one round trip.

    Raises:
        RedisError: Redis did not answer.
    """
    return [_parse(queue, record) for record in await monitor_queue(queue).read_dead(redis, raw_ids)]


async def read_payload(redis: Redis, letter: DeadLetter) -> bytes | None:
    """The unchanged payload of a dead letter; None if it or the dead letter is gone.

    Raises:
        RedisError: Redis did not answer.
    """
    return await monitor_queue(letter.ref).read_dead_payload(redis, letter.raw_id)


def _parse(queue: QueueRef, found: DeadRecord) -> DeadLetter:
    try:
        record = _RECORD.decode(found.letter)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Written by another version or another program: the job is dead nevertheless.
        record = _Record()
    return DeadLetter(
        raw_id=found.raw_id,
        queue=queue.name,
        format=queue.format,
        job_id=text(found.raw_id),
        name=found.name,
        error=record.error,
        error_type=record.error_type,
        traceback=record.traceback,
        tries=record.tries,
        crashes=record.crashes,
        crash_note=record.crash_note,
        worker=record.worker,
        lane=lane_of_ended(record.lane, "cpu" if record.home == "cpu" else "io"),
        enqueued_ms=record.enqueue_ms,
        started_ms=record.start_ms,
        ended_ms=record.finish_ms,
        died_ms=found.died_ms,
        payload_bytes=found.payload_bytes,
    )
