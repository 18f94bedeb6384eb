"""Shards of a queue: how many there are, and to which of them an id belongs.

A queue has one shard unless it was given more. Shard 0 has the keys of a queue with one shard; those of shard i are
under the tag ``<name>~<i>``. The number only increases, and then ids move only from old shards to new ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from redis.exceptions import ResponseError

from monarq.shared.formats.native.ids import DIGITS, MADE_LENGTH
from monarq.shared.queue import MOST_SHARDS
from monarq.shared.redis.replies import text

_SHARD_DIGITS: Final = 2
_MADE: Final = re.compile(f"[12][{DIGITS}]{{{MADE_LENGTH - 1}}}([{DIGITS}]{{{_SHARD_DIGITS}}})?")  # until 2074
_CRON: Final = "cron:"
_MULTIPLIER: Final = 2862933555777941757
_64_BITS: Final = 2**64


@dataclass(frozen=True, slots=True)
class Shards:
    """How many shards a queue has.

    Attributes:
        count: how many shards.
        before: earlier numbers, newest first: ids may still be in the shards of that time.
        until_ms: when nothing is left in these, unix ms by Redis' clock; 0 for never.
        opened: how many of the shards accept jobs; fewer than `count` while the number is being raised.
    """

    count: int = 1
    before: tuple[int, ...] = ()
    until_ms: int = 0
    opened: int = 1

    def home(self, job_id: str | bytes) -> int:
        """The shard to which a job with this id belongs."""
        return home(job_id, self.count)

    def old_homes(self, job_id: str | bytes, now_ms: int) -> list[int]:
        """The other shards in which it may still be, that of the latest number first."""
        if not self.before or (self.until_ms and now_ms > self.until_ms):
            return []
        new = self.home(job_id)
        return [shard for shard in dict.fromkeys(home(job_id, count) for count in self.before) if shard != new]

    def homes(self, job_id: str | bytes, now_ms: int) -> list[int]:
        """All shards in which it may be, the likeliest first; the tick of a cron with its own name is in shard 0."""
        return list(dict.fromkeys([self.home(job_id), *self.old_homes(job_id, now_ms), 0]))

    @property
    def most_homes(self) -> int:
        """The most shards in which an id may be."""
        return 1 if self.count == 1 else 2 + len(self.before)

    @property
    def before_text(self) -> str:
        """`before` and `until_ms`, as stored in Redis."""
        return f"{' '.join(map(str, self.before))}|{self.until_ms}" if self.before else ""

    @classmethod
    def read(cls, count: Any, before: Any, opened: Any) -> Shards:
        """Reads the values in a shard's `meta` or a script's reply; missing or invalid values count as one shard."""
        try:
            counts, _, until_ms = text(before or b"").partition("|")
            known = cls(int(count or 1), tuple(map(int, counts.split())), int(until_ms or 0), int(opened or 1))
        except ValueError:
            return cls()
        return known if 1 <= known.count <= MOST_SHARDS else cls()


ONE: Final = Shards()
"""A queue with one shard."""


class MoreShardsError(Exception):
    """A call was refused, and changed nothing, because the queue has more shards than its caller knew.

    Attributes:
        shards: the shards, as far as the shard knows.
    """

    def __init__(self, shards: Shards) -> None:
        super().__init__(f"the queue has {shards.count} shards")
        self.shards = shards


class ShardNotReadyError(ResponseError):
    """A shard does not know the number of shards yet: nothing was changed; call again."""

    def __init__(self, tag: str) -> None:
        # A cluster's code for "not now": callers retry it as a command that was not executed.
        super().__init__(f"TRYAGAIN shard {tag} does not accept jobs yet: the number of shards is being raised")


def home(job_id: str | bytes, count: int) -> int:
    """The shard of an id, given the number of shards: a generated id names its own.

    Ids generated while the queue had one shard, and the ticks of its crons, stay in shard 0.
    """
    if count == 1:
        return 0
    raw_id = job_id if isinstance(job_id, bytes) else job_id.encode("utf-8", "surrogateescape")
    shard = _told_by(text(raw_id))
    return shard if shard is not None and shard < count else _jump_hash(raw_id, count)


def _told_by(job_id: str) -> int | None:
    if job_id.startswith(_CRON):
        return 0
    made = _MADE.fullmatch(job_id)
    if made is None:
        return None
    return int(_value(made[1])) if made[1] else 0


def _value(digits: str) -> int:
    value = 0
    for digit in digits:
        value = value * len(DIGITS) + DIGITS.index(digit)
    return value


def shard_suffix(shard: int) -> str:
    """The suffix of a shard's generated ids."""
    return DIGITS[shard // len(DIGITS)] + DIGITS[shard % len(DIGITS)]


def _jump_hash(raw_id: bytes, count: int) -> int:
    """Lamping and Veach's jump consistent hash: new shards take some ids from the others, which keep the rest."""
    key = int.from_bytes(blake2b(raw_id, digest_size=8).digest(), "big")
    shard, following = -1, 0
    while following < count:
        shard = following
        key = (key * _MULTIPLIER + 1) % _64_BITS
        following = int((shard + 1) * (2**31 / ((key >> 33) + 1)))
    return shard


def tag_of(name: str, shard: int) -> str:
    """The tag of a shard's keys."""
    return f"{name}~{shard}" if shard else name


def name_of(tag: str) -> str:
    """The queue to which a tag belongs."""
    return tag.partition("~")[0]


def tags_of(name: str, count: int) -> Iterator[str]:
    """The tags of all shards."""
    return (tag_of(name, shard) for shard in range(count))


def refused(reply: Sequence[Any], tag: str) -> None:
    """Raises the error for a script's refusal; see refusal_of in include/version.lua.

    Raises:
        MoreShardsError: there are more shards than the caller knew.
        ShardNotReadyError: the shard does not know that many yet.
    """
    if reply[0] == _MORE:
        raise MoreShardsError(Shards.read(*reply[1:4]))
    if reply[0] == _NOT_QUEUED:
        raise ShardNotReadyError(tag)


_MORE: Final = -4
_NOT_QUEUED: Final = -5
