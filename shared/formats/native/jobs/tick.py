"""Ticks of cron entries, and the status of these for people. See tick.lua."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.enqueue import newer_queue
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.lane import LaneQueue
from monarq.shared.redis.replies import read_number

_SCRIPT = NativeScript.load("jobs/tick")
_NEWER: Final = -2

STATUS_TTL_S: Final = 120
"""How long the status of entries is kept after it was written last."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A tick of a cron entry.

    Attributes:
        entry: names the entry, with its schedule: with another schedule it starts afresh.
        tick_ms: when it is, unix ms.
        name: the name of its job.
        job_id: the id of its job.
        payload: the bytes of its job.
        lane_queue: where its job waits.
    """

    entry: str
    tick_ms: int
    name: str
    job_id: str
    payload: bytes
    lane_queue: LaneQueue = "io"


async def enqueue_tick(redis: Redis, keys: NativeKeys, tick: Tick) -> bool:
    """Puts the job of a tick into the queue, deferred until then; returns whether this call did.

    Raises:
        UnsupportedError: a later version of monarq has made the queue.
        RedisError: the call failed; it may be repeated.
    """
    arguments = (tick.entry, tick.tick_ms, tick.name, tick.job_id, tick.payload)
    reply = await _SCRIPT.run_on(redis, keys, arguments, tick.lane_queue)
    if reply[0] == _NEWER:
        raise newer_queue(keys.tag)
    return bool(reply[1])


async def newest_tick_ms(redis: Redis, keys: NativeKeys, entry: str) -> int:
    """When the newest tick of an entry was, unix ms; 0 where it has had none."""
    client: Any = redis
    return read_number(await client.hget(keys.key("cron"), entry) or 0)


async def write_entries(redis: Redis, keys: NativeKeys, statuses: Mapping[str, bytes]) -> None:
    """Writes the status of entries, as JSON each, by what names them."""
    client: Any = redis
    calls = client.pipeline(transaction=True)
    calls.hset(keys.key("crons"), mapping=statuses)
    calls.expire(keys.key("crons"), STATUS_TTL_S)
    await calls.execute()


async def read_entries(redis: Redis, keys: NativeKeys) -> dict[bytes, tuple[bytes, int | None]]:
    """The status of each entry, as it was written last, with its newest tick, unix ms; None where it has had none."""
    client: Any = redis
    calls = client.pipeline(transaction=True)
    calls.hgetall(keys.key("crons"))
    calls.hgetall(keys.key("cron"))
    statuses, newest = await calls.execute()
    return {entry: (status, read_number(newest.get(entry, 0)) or None) for entry, status in statuses.items()}
