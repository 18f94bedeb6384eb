"""The fleet: all workers and queues of the native format, for display and for detecting dead workers.

See fleet_beat.lua, overdue.lua, fleet_workers.lua, register_queues.lua, listed_queues.lua and review_queues.lua. The
leases of jobs do not depend on it: they are renewed by a beat in each queue.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.native.fleet_script import FleetScript
from monarq.shared.formats.native.keys import FLEET_BEATS, FLEET_RECORDS
from monarq.shared.redis.replies import read_number, text
from monarq.shared.redis.scripts import Argument, check_batch

_BEAT = FleetScript.load("workers/fleet_beat")
_OVERDUE = FleetScript.load("workers/overdue")
_WORKERS = FleetScript.load("workers/fleet_workers")
_REGISTER = FleetScript.load("workers/register_queues")
_LISTED = FleetScript.load("workers/listed_queues")
_REVIEW = FleetScript.load("workers/review_queues")

MOST_QUEUES: Final = 1000
"""How many queues are listed, and the most queues of one call."""

_REGISTER_EVERY_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class FleetWorker:
    """A worker on the list.

    Attributes:
        id: its id.
        record: its JSON record; b'' if it is gone.
        stale_ms: when its record becomes or became stale, unix ms.
    """

    id: str
    record: bytes
    stale_ms: int


@dataclass(frozen=True, slots=True)
class OverdueWorkers:
    """Workers that have fallen silent.

    Attributes:
        now_ms: Redis' time.
        records: their JSON records by their ids; b'' if one is gone. At most ten: once these are forgotten, the next
            ones are returned.
    """

    now_ms: int
    records: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Fleet:
    """All workers.

    Attributes:
        now_ms: Redis' time.
        workers: at most 1,000, live ones before silent ones.
    """

    now_ms: int
    workers: list[FleetWorker]


@dataclass(frozen=True, slots=True)
class ListedQueues:
    """The queues on the list.

    Attributes:
        names: all names, most recently used first; at most `MOST_QUEUES`.
        unused: those that nobody has used for a week. See `review_queues`.
    """

    names: list[str]
    unused: list[str]


async def beat_fleet(
    redis: Redis, worker: str, lease_ms: int, record: bytes, queues: Sequence[str] = ()
) -> OverdueWorkers:
    """Keeps a worker on the list, and returns those that have fallen silent.

    Args:
        redis: the client.
        worker: the worker's id.
        lease_ms: ms from now on after which it counts as silent.
        record: its JSON record.
        queues: names of queues to keep on the list of queues, at most `MOST_QUEUES`.

    Raises:
        ValueError: there are more.
        RedisError: the call failed; it may be repeated.
    """
    return _overdue(await _BEAT.run_on(redis, _beat_arguments(worker, lease_ms, record, queues)))


def beat_fleet_sync(
    redis: Any, worker: str, lease_ms: int, record: bytes, queues: Sequence[str] = ()
) -> OverdueWorkers:
    """The same with a blocking client, for the lease thread."""
    return _overdue(_BEAT.run_on_sync(redis, _beat_arguments(worker, lease_ms, record, queues)))


def _beat_arguments(worker: str, lease_ms: int, record: bytes, queues: Sequence[str]) -> list[Argument]:
    check_batch(queues, MOST_QUEUES)
    return [worker, lease_ms, record, *queues]


async def read_overdue(redis: Redis) -> OverdueWorkers:
    """Which workers have fallen silent; one cheap read.

    Raises:
        RedisError: the call failed.
    """
    return _overdue(await _OVERDUE.run_on(redis))


def _overdue(reply: Sequence[Any]) -> OverdueWorkers:
    now_ms, *workers = reply
    return OverdueWorkers(now_ms, {text(raw_id): record or b"" for raw_id, record in workers})


async def forget_worker(redis: Redis, worker: str) -> None:
    """Removes a worker that ends, or that fell silent and whose jobs were recovered, from the list.

    If it is alive after all, its next beat puts it back on the list.

    Raises:
        RedisError: the call failed; it may be repeated.
    """
    calls: Any = redis.pipeline(transaction=False)  # Redis refuses transactions when it is out of memory
    calls.hdel(FLEET_RECORDS, worker)  # first, as a record on no list would stay forever
    calls.zrem(FLEET_BEATS, worker)
    await calls.execute()


async def read_fleet(redis: Redis) -> Fleet:
    """All workers.

    Raises:
        RedisError: the call failed.
    """
    now_ms, flat, records = await _WORKERS.run_on(redis)
    listed = zip(flat[::2], records, flat[1::2], strict=True)
    return Fleet(
        now_ms, [FleetWorker(text(raw_id), record or b"", read_number(stale)) for raw_id, record, stale in listed]
    )


async def read_records(redis: Redis, workers: Sequence[str]) -> dict[str, bytes]:
    """The JSON records of these workers, as far as they have one.

    Raises:
        RedisError: the call failed.
    """
    client: Any = redis
    records = await client.hmget(FLEET_RECORDS, workers) if workers else []
    return {worker: record for worker, record in zip(workers, records, strict=True) if record is not None}


async def read_queues(redis: Redis) -> ListedQueues:
    """The queues on the list.

    Raises:
        RedisError: the call failed.
    """
    names, unused = await _LISTED.run_on(redis)
    return ListedQueues([text(name) for name in names], [text(name) for name in unused])


async def review_queues(redis: Redis, *, holding: Sequence[str], empty: Sequence[str]) -> None:
    """Keeps unused queues with jobs on the list for another week, and removes those without.

    Queues that were used meanwhile also stay.

    Args:
        redis: the client.
        holding: names of unused queues that hold jobs.
        empty: names of unused queues that hold none.

    Raises:
        RedisError: the call failed; it may be repeated.
    """
    await _REVIEW.run_on(redis, [len(holding), *holding, *empty])


async def register_queues(redis: Redis, queues: Sequence[str]) -> None:
    """Puts queues on the list, at most `MOST_QUEUES`, so that jobs of queues without workers are seen.

    Raises:
        ValueError: there are more.
        RedisError: the call failed; it may be repeated.
    """
    check_batch(queues, MOST_QUEUES)
    await _REGISTER.run_on(redis, queues)


_emptied = 0
"""How often this process has emptied Redis."""


def note_emptied() -> None:
    """Makes all registrars of this process register their queues again after Redis was emptied. For tests."""
    global _emptied  # noqa: PLW0603 - for the whole process, as its producers are not known
    _emptied += 1


class QueueRegistrar:
    """Registers the queues that a process uses, each once an hour."""

    def __init__(self) -> None:
        self._registered_s: dict[str, float] = {}
        self._emptied = _emptied

    async def register(self, redis: Redis, queues: Iterable[str]) -> None:
        """Registers those of the queues that were not registered within the last hour.

        Raises:
            RedisError: the call failed; the next call registers them.
        """
        if self._emptied != _emptied:
            self._emptied = _emptied
            self._registered_s.clear()
        now_s = time.monotonic()
        due = [queue for queue in queues if now_s >= self._registered_s.get(queue, -math.inf) + _REGISTER_EVERY_S]
        if due:
            await register_queues(redis, due[:MOST_QUEUES])
            self._registered_s |= dict.fromkeys(due[:MOST_QUEUES], now_s)
