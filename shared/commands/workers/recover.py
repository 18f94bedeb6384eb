"""repair, sweep and retire: what becomes of a worker that is gone. See repair.lua, sweep.lua and retire.lua."""

from __future__ import annotations

from typing import cast

from redis.asyncio import Redis

from monarq.shared.redis.keys import QueueKeys
from monarq.shared.redis.scripts import Script, as_ids

_REPAIR = Script.load("workers/recover")
_SWEEP = Script.load("workers/sweep")
_RETIRE = Script.load("workers/deregister")


async def repair(redis: Redis, keys: QueueKeys, worker: str, what: str) -> list[bytes]:
    """Frees at once the jobs of a worker that is known to be dead, and counts a crash for each.

    Args:
        redis: the client.
        keys: the queue's keys.
        worker: the dead worker's id.
        what: what happened to it, in a few words.

    Returns:
        The raw ids of the jobs that are free again.
    """
    return as_ids(await _REPAIR.run(redis, keys, (worker, what)))


async def sweep(redis: Redis, keys: QueueKeys) -> int:
    """Puts the jobs of silent workers back where they stood, once their leases are over; gives how many they were."""
    return cast("int", await _SWEEP.run(redis, keys, ()))


async def retire(redis: Redis, keys: QueueKeys, worker: str) -> int:
    """Takes a worker that ends in order off the list; gives how many jobs it still held (then it stays listed)."""
    return cast("int", await _RETIRE.run(redis, keys, (worker,)))
