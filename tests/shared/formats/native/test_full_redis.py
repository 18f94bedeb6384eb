"""A Redis that has reached its maxmemory: what lets jobs end, come back or be thrown away goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from monarq.shared.formats.native.dead.discard import discard
from monarq.shared.formats.native.dead.revive import revive
from monarq.shared.formats.native.jobs.abort import abort
from monarq.shared.formats.native.jobs.progress import report_progress
from monarq.shared.formats.native.jobs.promote import promote
from monarq.shared.formats.native.jobs.tick import enqueue_tick
from monarq.shared.formats.native.queues.pause import pause, resume
from monarq.shared.formats.native.queues.purge import purge
from monarq.shared.lane import Lane
from monarq.shared.protocol.answers import AbortAnswer, Promoted, Revived
from monarq.shared.protocol.cron_queue import Tick
from tests.shared.formats.native.dead.test_revive import bury
from tests.shared.formats.native.pieces import KEYS, hash_of
from tests.shared.formats.native.state import INCARNATION, put, take


@pytest.fixture
async def full(redis: Redis) -> AsyncIterator[Redis]:
    """A full Redis with a job in each state."""
    await put(redis, "runs")
    await take(redis)
    await put(redis, "a", "b")
    await put(redis, "later", delay_ms=60_000)
    await bury(redis, "dead", "dead too")
    await redis.config_set("maxmemory", 1)
    yield redis
    await redis.config_set("maxmemory", 0)


async def test_aborts(full: Redis) -> None:
    assert await abort(full, KEYS, "a", keep_ms=3_600_000) is AbortAnswer.ENDED
    assert await abort(full, KEYS, "b", keep_ms=5000) is AbortAnswer.ENDED
    assert await abort(full, KEYS, "later", keep_ms=-1) is AbortAnswer.ENDED
    assert await abort(full, KEYS, "runs", keep_ms=-1) is AbortAnswer.RUNS


async def test_promote(full: Redis) -> None:
    assert await promote(full, KEYS, b"later") is Promoted.DUE


async def test_dead_letters(full: Redis) -> None:
    assert await revive(full, KEYS, [b"dead"]) == [Revived.BACK]
    assert await discard(full, KEYS, [b"dead too"]) == [True]


async def test_pause_and_purge(full: Redis) -> None:
    assert await pause(full, KEYS) == 0
    assert await resume(full, KEYS) > 0
    assert (await purge(full, KEYS, "io", "queued"))[0] == 2


async def test_reports_are_left_out(full: Redis) -> None:
    assert await report_progress(full, KEYS, INCARNATION, [(b"runs", b"i1", b"{}")]) == []
    assert await hash_of(full, "progress") == {}


async def test_a_tick_is_refused_whole(full: Redis) -> None:
    tick = Tick(job_id="t", payload=b"p", name="f", lane=Lane.IO, due_ms=1000, ttl_ms=0, bar_ms=0, entry="f")
    with pytest.raises(ResponseError, match=r"OOM|maxmemory"):
        await enqueue_tick(full, KEYS, tick)
    assert b"t" not in await hash_of(full, "payloads")
    assert await hash_of(full, "cron") == {}
