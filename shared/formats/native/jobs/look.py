"""Looks for ids in the shards of earlier numbers of shards; forgets marked enqueues. See look.lua and unmark.lua."""

from __future__ import annotations

from typing import Final, Literal

from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.enqueue import newer_queue
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.formats.native.shards import refused
from monarq.shared.protocol.enqueue import Enqueued

_LOOK = NativeScript.load("jobs/look")
_UNMARK = NativeScript.load("jobs/unmark")

_FREE: Final = 3
_NEWER: Final = -2

LookMode = Literal["named", "again", "marked"]


async def look(
    redis: Redis, keys: NativeKeys, call: str, shards: int, mode: LookMode, job_id: str, payload: bytes
) -> Enqueued | None:
    """What an enqueue of an id would find in its old shard; None if the id is free there, and stays so.

    Args:
        redis: the client.
        keys: the keys of the old shard.
        call: names the enqueue.
        shards: how many shards the queue is believed to have.
        mode: the mode of the enqueue.
        job_id: the id.
        payload: the payload that is to be enqueued.

    Raises:
        MoreShardsError, ShardNotReadyError: the old shard knows another number of shards, so no answer would be valid.
        UnsupportedError: the queue was made by a later version of monarq.
        RedisError: the call failed; it may be repeated.
    """
    reply = await _LOOK.run_on(redis, keys, (call, shards, mode, job_id, payload))
    refused(reply, keys.tag)
    code: int = reply[0]
    if code == _NEWER:
        raise newer_queue(keys.tag)
    return None if code == _FREE else Enqueued(code)


async def unmark(redis: Redis, keys: NativeKeys, call: str) -> None:
    """Forgets a marked enqueue after the original of its copy is gone.

    Raises:
        RedisError: the call failed; it may be repeated.
    """
    await _UNMARK.run_on(redis, keys, (call,))
