"""Gives back jobs whose process has died while their worker lives on. See crash.lua."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

from monarq.shared.commands.jobs.claim import Lease
from monarq.shared.redis.keys import QueueKeys
from monarq.shared.redis.scripts import Argument, Script, as_ids, check_batch

_SCRIPT = Script.load("jobs/crash")

BATCH = 1000
"""The most jobs of one call."""


@dataclass(frozen=True, slots=True)
class Crash:
    """A job whose process died, by its fault or another's.

    Attributes:
        lease: the job.
        what: what happened to the process, in a few words.
    """

    lease: Lease
    what: str


async def requeue_crashed(redis: Redis, keys: QueueKeys, worker: str, crashes: Sequence[Crash]) -> list[bytes]:
    """Gives the jobs back, at most `BATCH` of them; returns the raw ids of those that were not the worker's any more.

    Raises:
        ValueError: there are more than `BATCH`.
        RedisError: the call failed; repeat it.
    """
    check_batch(crashes, BATCH)
    jobs: list[Argument] = []
    for each in crashes:
        jobs += (each.lease.raw_id, each.lease.token, each.what)
    return as_ids(await _SCRIPT.run(redis, keys, (worker, *jobs)))
