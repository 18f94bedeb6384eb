"""Producers' queries about jobs: results, and the state of one job. See find.lua and state.lua."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.protocol.job_state import FoundState
from monarq.shared.protocol.producer_queue import Unfinished
from monarq.shared.redis.replies import text
from monarq.shared.redis.scripts import check_batch

_FIND = NativeScript.load("jobs/find")
_STATE = NativeScript.load("jobs/state")

BATCH: Final = 500
"""The most jobs in one call."""


async def find_results(redis: Redis, keys: NativeKeys, job_ids: Sequence[str]) -> list[bytes | Unfinished]:
    """The results of at most `BATCH` jobs, or why there is none. A job that ends meanwhile is found as either.

    Raises:
        ValueError: there are more than `BATCH`.
        RedisError: Redis did not answer.
    """
    check_batch(job_ids, BATCH)
    if not job_ids:
        return []
    reply: list[bytes | int | None] = await _FIND.run_on(redis, keys, job_ids)
    return [_read(found) for found in reply]


def _read(found: bytes | int | None) -> bytes | Unfinished:
    if isinstance(found, bytes):
        return found
    return Unfinished.GONE if found is None else Unfinished.ALIVE


async def find_state(redis: Redis, keys: NativeKeys, job_id: str | bytes) -> FoundState:
    """The current state of a job.

    Raises:
        RedisError: Redis did not answer.
    """
    return cast("FoundState", text(await _STATE.run_on(redis, keys, (job_id,))))
