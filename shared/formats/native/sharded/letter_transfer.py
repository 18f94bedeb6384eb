"""Revives a dead letter whose id belongs to another shard since shards were added: as a job in that shard.

It may be interrupted anywhere and repeated: until the letter is gone, a mark at the destination shows that the job was
enqueued, whatever has happened to it since.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.errors import EnqueueUnknownError
from monarq.shared.formats.native.dead.discard import discard
from monarq.shared.formats.native.dead.revive import revive
from monarq.shared.formats.native.jobs.enqueue import REPEATABLE_MS, enqueue
from monarq.shared.formats.native.jobs.look import unmark
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.shards import Shards, tag_of
from monarq.shared.lane import Lane
from monarq.shared.protocol.answers import Revived
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode, Placement
from monarq.shared.redis.clock import read_now_ms
from monarq.shared.redis.replies import text

_CPU: Final = b'"home":"cpu"'


async def transfer_letter(redis: Redis, name: str, raw_id: bytes, source: int, shards: Shards) -> Revived:
    """Turns a letter into a job in the id's new shard, then deletes the letter.

    Args:
        redis: the client.
        name: the queue.
        raw_id: the job.
        source: the shard with the letter.
        shards: the shards of the queue, all of which know the number.

    Raises:
        MoreShardsError, ShardNotReadyError: the number of shards is different; it may be repeated.
        RedisError: a call failed; it may be repeated.
    """
    old, new = NativeKeys.of(tag_of(name, source)), NativeKeys.of(tag_of(name, shards.home(raw_id)))
    # After this answer no job with the id comes to the source: it refuses callers that know fewer shards.
    [answer] = await revive(redis, old, [raw_id], shards.count, only_asks=True)
    if answer is not Revived.BACK:
        return answer
    client: Any = redis
    letter = await client.hget(old.key("letters"), raw_id)
    payload = await client.hget(old.key("dead_payloads"), raw_id)
    if letter is None or payload is None:
        return Revived.NO_LETTER  # somebody else was faster
    call = f"revive:{source}:{blake2b(raw_id + letter, digest_size=16).hexdigest()}"
    if not await _put(redis, new, call, raw_id, letter, payload, shards.count):
        return Revived.ALIVE
    await discard(redis, old, [raw_id])
    await unmark(redis, new, call)
    return Revived.BACK


async def _put(
    redis: Redis, keys: NativeKeys, call: str, raw_id: bytes, letter: bytes, payload: bytes, count: int
) -> bool:
    """Enqueues the job; returns whether this or an earlier call has done so."""
    placement = Placement(Lane.CPU if _CPU in letter else Lane.IO, name=text(letter.partition(b"\0")[0]))
    until_ms = await read_now_ms(redis) + REPEATABLE_MS
    try:
        reply = await enqueue(
            *(redis, keys, call, placement, EnqueueMode.REPEATED, [(text(raw_id), payload)]),
            until_ms=until_ms,
            shards=count,
            is_marked=True,
        )
    except EnqueueUnknownError:
        return False
    return reply.codes[0] is Enqueued.ADDED
