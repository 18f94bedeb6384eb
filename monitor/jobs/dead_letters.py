"""Dead letters: jobs that will not run again, read without decoding their payloads.

`monarq dead` and the page read them here, page by page, the newest first; a page costs the same however many there are.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from monarq.monitor.jobs.ended import lane_of_ended
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.lane import LaneName
from monarq.shared.redis.replies import read_number, text

PAGE: Final = 200
"""How many dead letters one round trip reads."""

_FIELDS: Final = ("name", "letter", "died_ms", "has_payload")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A job that will not run again, and why. Times are unix ms; those that are not known are 0.

    Attributes:
        raw_id: the job's id as Redis holds it.
        queue: its queue.
        id: its id as text.
        name: the job's name; '' or '<unknown>' where its payload has none.
        error: class and message of the error that it failed with.
        error_type: the class alone.
        traceback: as text, cut to its last 20,000 characters; '' where there was none.
        tries: how often it was tried.
        crashes: how often its worker was lost while it ran.
        crash_note: what was known of the last crash.
        worker: the id of the worker that wrote the dead letter.
        lane: the lane that it ran in.
        enqueue_ms: when it was enqueued.
        start_ms: when its last run began.
        finish_ms: when that ended.
        died_ms: when the dead letter was written, by Redis' clock.
        payload_bytes: the size of its payload; None where that was gone.
    """

    raw_id: bytes
    queue: str
    id: str
    name: str
    error: str
    error_type: str
    traceback: str
    tries: int
    crashes: int
    crash_note: str
    worker: str
    lane: LaneName
    enqueue_ms: int
    start_ms: int
    finish_ms: int
    died_ms: int
    payload_bytes: int | None


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Which dead letters are chosen; all by default.

    Attributes:
        name: the job's name, or a pattern with ``*`` and ``?``.
        error: text that the error contains, upper or lower case.
        older_s: dead for so many seconds, or longer.
        newer_s: dead for less than so many seconds.
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


async def count_dead_letters(redis: Redis, queue: str) -> int:
    """How many dead letters a queue lists; some of them may have expired."""
    count: int = await redis.zcard(QueueKeys.of(queue).dead)
    return count


async def find_dead_letters(redis: Redis, queue: str, chosen: DeadLetterFilter) -> AsyncIterator[DeadLetter]:
    """The dead letters that a filter matches, newest first; jobs that die meanwhile are left out.

    Raises:
        RedisError: Redis did not answer.
    """
    keys = QueueKeys.of(queue)
    seconds, micros = await redis.time()
    now_ms = int(seconds) * 1000 + int(micros) // 1000
    newest_ms = now_ms - 1000 * (chosen.older_s or 0)
    oldest_ms = float("-inf") if chosen.newer_s is None else now_ms - 1000 * chosen.newer_s
    seen: set[bytes] = set()
    start = await redis.zcount(keys.dead, f"({newest_ms}", "+inf")
    while page := await redis.zrange(keys.dead, start, start + PAGE - 1, desc=True, withscores=True):
        fresh = [raw_id for raw_id, died_ms in page if died_ms > oldest_ms and raw_id not in seen]
        for letter in await read_dead_letters(redis, queue, fresh):
            if chosen.matches(letter):
                yield letter
        if page[-1][1] <= oldest_ms:
            return
        seen.update(fresh)
        start = await _rank_after(redis, keys, *page[-1])


@dataclass(frozen=True, slots=True)
class DeadLetterPage:
    """A page of a queue's dead letters, newest first.

    Attributes:
        letters: those that have not expired.
        last: id and score of the last one looked at; None where no other follows.
        now_ms: Redis' time.
    """

    letters: tuple[DeadLetter, ...]
    last: tuple[bytes, float] | None
    now_ms: int


async def read_dead_letter_page(
    redis: Redis, queue: str, after: tuple[bytes, float] | None, limit: int
) -> DeadLetterPage:
    """The dead letters that follow one of them, given by id and score, or the newest.

    Raises:
        RedisError: Redis did not answer.
    """
    keys = QueueKeys.of(queue)
    start = 0 if after is None else await _rank_after(redis, keys, *after)
    listed = await redis.zrange(keys.dead, start, start + limit, desc=True, withscores=True)
    seconds, micros = await redis.time()
    page = listed[:limit]
    letters = await read_dead_letters(redis, queue, [raw_id for raw_id, _ in page])
    now_ms = int(seconds) * 1000 + int(micros) // 1000
    return DeadLetterPage(tuple(letters), page[-1] if len(listed) > limit else None, now_ms)


async def _rank_after(redis: Redis, keys: QueueKeys, raw_id: bytes, died_ms: float) -> int:
    """The rank that follows a dead letter; where that is gone, the first rank of those of the same millisecond."""
    rank: int | None = await redis.zrevrank(keys.dead, raw_id)
    return rank + 1 if rank is not None else int(await redis.zcount(keys.dead, f"({died_ms}", "+inf"))


async def read_dead_letters(redis: Redis, queue: str, raw_ids: Sequence[bytes]) -> list[DeadLetter]:
    """The dead letters of those of these jobs that have one, in one round trip.

    Raises:
        RedisError: Redis did not answer.
    """
    keys = QueueKeys.of(queue)
    calls: Any = redis.pipeline(transaction=False)
    for raw_id in raw_ids:
        key = _dead_letter_key(keys, raw_id)
        calls.hmget(key, *_FIELDS)
        calls.hstrlen(key, "payload")
    replies = await calls.execute(raise_on_error=False) if raw_ids else []
    letters = []
    for raw_id, fields, size in zip(raw_ids, replies[::2], replies[1::2], strict=True):
        # An error is a key of another type; None is a dead letter that has expired.
        if isinstance(fields, list) and fields[2] is not None:
            letters.append(_parse(queue, raw_id, fields, size))
    return letters


async def read_payload(redis: Redis, letter: DeadLetter) -> bytes | None:
    """The payload of a dead letter as it is; None where it was gone, or the dead letter is gone.

    Raises:
        RedisError: Redis did not answer.
    """
    client: Any = redis
    payload, has_payload = await client.hmget(
        _dead_letter_key(QueueKeys.of(letter.queue), letter.raw_id), "payload", "has_payload"
    )
    return payload if has_payload == b"1" else None


def _dead_letter_key(keys: QueueKeys, raw_id: bytes) -> bytes:
    return keys.dead_letter("").encode() + raw_id


def _parse(queue: str, raw_id: bytes, fields: Sequence[bytes | None], size: int) -> DeadLetter:
    name, data, died_ms, has_payload = (field or b"" for field in fields)
    try:
        record = _RECORD.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Written by another version or another program: the job is dead all the same.
        record = _Record()
    return DeadLetter(
        raw_id=raw_id,
        queue=queue,
        id=text(raw_id),
        name=text(name),
        error=record.error,
        error_type=record.error_type,
        traceback=record.traceback,
        tries=record.tries,
        crashes=record.crashes,
        crash_note=record.crash_note,
        worker=record.worker,
        lane=lane_of_ended(record.lane, "cpu" if record.home == "cpu" else "io"),
        enqueue_ms=record.enqueue_ms,
        start_ms=record.start_ms,
        finish_ms=record.finish_ms,
        died_ms=read_number(died_ms),
        payload_bytes=size if has_payload == b"1" else None,
    )
