"""Keys of native queues: every key of this format is spelled here and nowhere else.

All keys of a queue begin with ``monarq:n:{<tag>}:``; the hash tag keeps them in one slot of a cluster. No script builds
a key's name: each gets the full names of those that it may touch. A script's head names them by the names below, and
some of these stand for several keys or depend on the call:

- ``results``, ``tombstones``, ``minutes``, ``seconds`` are rings of keys, used in turn and expired before they are used
  again.
- ``lane_queued``, ``lane_deferred``, ``lane_idle`` are the keys of the lane queue that the call is about.
- ``held`` is the key of the incarnation that the call is about.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Final

from monarq.shared.lane import LaneQueue

PREFIX: Final = "monarq:n:"

_SINGLE: Final = {
    "meta": "meta",  # hash: v format and features, last stamp, second, paused ms, timer:<lane>, shards before opened
    "payloads": "payloads",  # hash: job id -> payload, of every job that has not ended
    "queued": "queued",  # zset: job id -> order
    "queued_cpu": "queued:cpu",  # the same of jobs for a cpu lane
    "deferred": "deferred",  # zset: job id -> due ms
    "deferred_cpu": "deferred:cpu",
    "leases": "leases",  # zset: incarnation -> ms at which its lease ends
    "gone": "gone",  # zset: incarnation -> ms since which it has ended for good
    "notes": "notes",  # hash: job id -> its unusual state
    "cancels": "cancels",  # zset: id of a running job -> ms at which its cancellation was requested
    "idle": "idle",  # zset: worker -> ms since which it wants to be woken
    "idle_cpu": "idle:cpu",
    "barred": "barred",  # zset: enqueue call -> ms; the call was repeated, so its first sending does nothing
    "kept": "kept",  # hash: job id -> result with a time of its own, or forever
    "dead": "dead",  # zset: job id -> ms of death
    "letters": "letters",  # hash: job id -> dead letter
    "dead_payloads": "letters:p",  # hash: job id -> payload of a dead job
    "trails": "trails",  # hash: job id -> its rare events, one per line
    "ends": "ends",  # zset: kind letter and job id -> ms at which this data of it is deleted
    "progress": "progress",  # hash: job id -> "<µs> <JSON>", its progress; until it ends
    "cron": "cron",  # hash: cron declaration -> ms of its newest tick; negative: ms since when it is known, before that
    "crons": "crons",  # hash: cron declaration -> JSON, its description and next tick; for display
    "live": "live",  # hash: "<what> NUL <name>" -> count that is not yet added to the other counters
    "stats": "stats",  # hash: job name, '' for the queue -> JSON {counter: count}, since the first job
    "names": "names",  # zset: job name with counters of its own -> ms of its last count
    "known": "known",  # zset: job name -> ms at which a worker that knows the job last registered it
    "heard": "heard",  # zset: job name that was enqueued, and that no worker knows yet -> ms of its first job
    "recent": "recent",  # list: the jobs that ended last, a few of each call
    # Never exists. Deleting it lets a script write when Redis is full. And while the slot migrates to another node of a
    # cluster, a script that names it is refused as a whole, as a key is missing, and not in the middle after it has
    # deleted one.
    "absent": "none",
}
_RINGS: Final = {
    "results": ("r", 8),  # hash: job id -> result, NUL and job id -> last report; each for ten minutes of ends
    "tombstones": ("t", 3),  # hash: job id -> last report or ''; each for a minute of ends whose results are not kept
    "minutes": ("m", 25),  # hash: "<minute> <name>" -> JSON {counter: count}; each for an hour
    "seconds": ("s", 11),  # hash: "<second> <name>" -> JSON {counter: count}; each for a minute
}
_BY_LANE: Final = ("lane_queued", "lane_deferred", "lane_idle")
_HELD: Final = "held"


def key_count(name: str) -> int:
    """How many keys a name stands for.

    Raises:
        KeyError: there is no such name.
    """
    if name in _RINGS:
        return _RINGS[name][1]
    if name not in _BY_LANE and name != _HELD:
        _SINGLE[name]
    return 1


class NativeKeys:
    """The keys of one queue.

    Attributes:
        tag: the queue's name, or the tag of one of its shards.
        ended: channel of the ends of jobs.
        reports: channel of the progress of jobs.
    """

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self._base = f"{PREFIX}{{{tag}}}:"
        # All shards of a queue share one channel, on which waiting callers listen.
        self.ended = f"{PREFIX}{{{tag.partition('~')[0]}}}:ended"
        self.reports = f"{PREFIX}{{{tag.partition('~')[0]}}}:reports"
        self._lists: dict[tuple[tuple[str, ...], LaneQueue, str], list[str]] = {}
        self._flushed_s = 0

    @classmethod
    @lru_cache(maxsize=4096)
    def of(cls, tag: str) -> NativeKeys:
        """The keys of a queue, the same object for all callers in this process."""
        return cls(tag)

    def key(self, name: str) -> str:
        """A key that depends only on the queue."""
        return self._base + _SINGLE[name]

    def ring(self, name: str) -> list[str]:
        """The keys of a ring."""
        letter, size = _RINGS[name]
        return [f"{self._base}{letter}{at}" for at in range(size)]

    def held(self, incarnation: str) -> str:
        """Hash of the jobs that an incarnation holds: job id -> token."""
        return f"{self._base}held:{incarnation}"

    def list_of(self, names: tuple[str, ...], lane_queue: LaneQueue = "io", incarnation: str = "") -> list[str]:
        """The KEYS of a script that names these; do not change the list."""
        wanted = (names, lane_queue, incarnation)
        found = self._lists.get(wanted)
        if found is None:
            if len(self._lists) > 256:  # incarnations come and go
                self._lists.clear()
            found = self._lists[wanted] = [key for name in names for key in self._keys(name, lane_queue, incarnation)]
        return found

    def take_flush(self) -> bool:
        """Whether the next script is to flush the buffered counters: the first of this process in each second.

        It uses the wall clock, so that if it agrees with Redis' clock, counts are flushed when their second is over.
        """
        now_s = int(time.time())
        is_due = now_s != self._flushed_s
        self._flushed_s = now_s
        return is_due

    def _keys(self, name: str, lane_queue: LaneQueue, incarnation: str) -> list[str]:
        if name in _RINGS:
            return self.ring(name)
        if name == _HELD:
            return [self.held(incarnation)]
        if name in _BY_LANE:
            single = name.removeprefix("lane_")
            return [self.key(f"{single}_cpu" if lane_queue == "cpu" else single)]
        return [self.key(name)]


def wake_channel(worker_id: str) -> str:
    """The channel on which a worker is woken, for all of its queues."""
    return f"{PREFIX}wake:{worker_id}"


FLEET_BEATS: Final = f"{PREFIX}{{fleet}}:beats"
"""Zset: worker -> ms at which its record becomes stale."""

FLEET_RECORDS: Final = f"{PREFIX}{{fleet}}:records"
"""Hash: worker -> JSON record."""

FLEET_QUEUES: Final = f"{PREFIX}{{fleet}}:queues"
"""Zset: native queue -> ms at which a worker last served it or a job was enqueued in it."""


def waiting_keys(queue: str) -> tuple[str, ...]:
    """The zsets of a queue's waiting jobs, due or deferred."""
    return tuple(map(NativeKeys.of(queue).key, ("queued", "queued_cpu", "deferred", "deferred_cpu")))
