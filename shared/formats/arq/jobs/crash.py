"""Returns jobs whose process has died while their worker is still running. See crash.lua."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.protocol.acks import Crash
from monarq.shared.redis.replies import as_ids
from monarq.shared.redis.scripts import Argument, check_batch

_SCRIPT = ArqScript.load("jobs/crash")

BATCH = 1000
"""The most jobs in one call."""


async def requeue_crashed(redis: Redis, keys: QueueKeys, worker: str, crashes: Sequence[Crash]) -> list[bytes]:
    """Requeues the jobs, at most `BATCH` of them; returns the raw ids of those that no longer belonged to the worker.

    Raises:
        ValueError: there are more than `BATCH`.
        RedisError: the call failed; repeat it.
    """
    check_batch(crashes, BATCH)
    jobs: list[Argument] = []
    for each in crashes:
        jobs += (each.lease.raw_id, each.lease.token, each.what)
    return as_ids(await _SCRIPT.run_on(redis, keys, (worker, *jobs)))
