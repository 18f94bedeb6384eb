"""Recovery of a lost worker's jobs, and removal of its record. See recover.lua, sweep.lua and deregister.lua."""

from __future__ import annotations

from typing import cast

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.redis.replies import as_ids

_RECOVER = ArqScript.load("workers/recover")
_SWEEP = ArqScript.load("workers/sweep")
_DEREGISTER = ArqScript.load("workers/deregister")


async def recover(redis: Redis, keys: QueueKeys, worker: str, what: str) -> list[bytes]:
    """Returns the jobs of a worker known to be dead to the queue at once, and counts a crash for each.

    Args:
        redis: the client.
        keys: the queue's keys.
        worker: the dead worker's id.
        what: what happened to it, in a few words.

    Returns:
        The raw ids of the jobs that are free again.
    """
    return as_ids(await _RECOVER.run_on(redis, keys, (worker, what)))


async def sweep(redis: Redis, keys: QueueKeys) -> int:
    """Returns the jobs of silent workers to their places after their leases expire; returns how many."""
    return cast("int", await _SWEEP.run_on(redis, keys, ()))


async def deregister(redis: Redis, keys: QueueKeys, worker: str) -> int:
    """Removes a stopping worker from the list; returns how many jobs it still held (then it stays listed)."""
    return cast("int", await _DEREGISTER.run_on(redis, keys, (worker,)))
