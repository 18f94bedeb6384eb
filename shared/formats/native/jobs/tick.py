"""Ticks of cron entries, and the status of these, for display. See tick.lua."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.enqueue import check_ids, newer_queue
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.formats.native.shards import refused
from monarq.shared.lane import lane_queue_of
from monarq.shared.protocol.cron_queue import Tick
from monarq.shared.protocol.enqueue import Enqueued
from monarq.shared.redis.clock import read_now_ms
from monarq.shared.redis.replies import read_number

_SCRIPT = NativeScript.load("jobs/tick")
_NEWER: Final = -2


async def enqueue_tick(redis: Redis, keys: NativeKeys, tick: Tick, shards: int = 1) -> Enqueued:
    """Puts the job of a tick into the queue, deferred until then, and records the tick in the same step.

    Args:
        redis: the client.
        keys: the queue's keys.
        tick: the tick.
        shards: how many shards the queue is believed to have.

    Raises:
        UnsupportedError: the queue was made by a later version of monarq.
        MoreShardsError, ShardNotReadyError: the queue has another number of shards; nothing was changed.
        RedisError: the call failed; it may be repeated.
    """
    check_ids((tick.job_id,))
    arguments = (tick.entry or "", tick.due_ms, tick.name, tick.job_id, tick.payload, shards)
    reply = await _SCRIPT.run_on(redis, keys, arguments, lane_queue_of(tick.lane))
    if reply[0] == _NEWER:
        raise newer_queue(keys.tag)
    refused(reply, keys.tag)
    return Enqueued(reply[1])


async def newest_tick_ms(redis: Redis, keys: NativeKeys, entry: str) -> int:
    """The time of the newest recorded tick of an entry, unix ms.

    If there is none, the time since when the entry is known; the first call sets it. Otherwise, if the first ticks
    could not be enqueued for a while, a new worker would begin with a later one, after which the earlier ones would be
    refused.
    """
    client: Any = redis
    key = keys.key("cron")
    newest = await client.hget(key, entry)
    if newest is None:
        await client.hsetnx(key, entry, -(await read_now_ms(redis, key)))
        newest = await client.hget(key, entry)
    return abs(read_number(newest or 0))


async def write_entries(redis: Redis, keys: NativeKeys, statuses: Mapping[str, bytes], keep_s: int) -> None:
    """Writes the status of entries as JSON, by their names; all are deleted `keep_s` after the last write."""
    client: Any = redis
    calls = client.pipeline(transaction=True)
    calls.hset(keys.key("crons"), mapping=statuses)
    calls.expire(keys.key("crons"), keep_s)
    await calls.execute()


async def read_entries(redis: Redis, keys: NativeKeys) -> list[tuple[bytes, int | None]]:
    """The last status of each entry, with its newest tick, unix ms; None if there was none.

    Raises:
        RedisError: Redis did not answer.
    """
    client: Any = redis
    calls = client.pipeline(transaction=True)
    calls.hgetall(keys.key("crons"))
    calls.hgetall(keys.key("cron"))
    # A key of another type counts as missing.
    statuses, newest = (
        {} if isinstance(reply, Exception) else reply for reply in await calls.execute(raise_on_error=False)
    )
    return [(status, max(0, read_number(newest.get(entry, 0))) or None) for entry, status in statuses.items()]
