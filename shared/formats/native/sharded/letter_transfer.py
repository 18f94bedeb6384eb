"""Revives a dead letter whose id lives in another shard since there are more: there, and not where the letter is.

It may stop anywhere and be begun again: a mark at the destination, until the letter is gone, tells that the job was put
in, however long ago that was and whatever has become of it.
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
    """Makes a job of a letter in the id's new home; then the letter is gone.

    Args:
        redis: the client.
        name: the queue.
        raw_id: the job.
        source: the shard that the letter is in.
        shards: the shards of the queue, all of which know their number.

    Raises:
        MoreShardsError, ShardNotReadyError: there is another number of shards; it may be begun again.
        RedisError: a call failed; it may be begun again.
    """
    old, new = NativeKeys.of(tag_of(name, source)), NativeKeys.of(tag_of(name, shards.home(raw_id)))
    # From this answer on, no job with the id comes to the source: it refuses callers that believe in fewer shards.
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
    """Whether the job is in, or was by this call."""
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
