"""Fences that chance seldom needs: what comes late or from the wrong one changes nothing."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.claim import IncarnationGoneError
from monarq.shared.formats.native.jobs.enqueue import enqueue
from monarq.shared.formats.native.jobs.finish import KEPT_MS, finish
from monarq.shared.formats.native.jobs.requeue import requeue
from monarq.shared.formats.native.workers.leases import recover
from monarq.shared.protocol.acks import Finish, Requeue
from monarq.shared.protocol.enqueue import EnqueueMode, Placement
from tests.shared.formats.native.pieces import KEYS, now_ms
from tests.shared.formats.native.state import INCARNATION, is_alive, put, take
from tests.shared.formats.native.steps import LEASE_MS, beating, lease_of
from tests.shared.formats.native.whole_state import members_of, places_of


@pytest.mark.parametrize("keep_ms", [KEPT_MS, -1])
async def test_an_end_under_an_older_token_ends_nothing(redis: Redis, keep_ms: int) -> None:
    await put(redis, "a")
    await take(redis)
    await requeue(redis, KEYS, INCARNATION, [Requeue(lease_of("a"), "io")])
    await take(redis, number=2)
    stale = Finish(lease_of("a"), True, b"result", keep_ms, "f")
    assert (await finish(redis, KEYS, INCARNATION, [stale], max_dead=1, lanes={}, with_results=False)).lost == [b"a"]
    assert await requeue(redis, KEYS, INCARNATION, [Requeue(lease_of("a"), "io")]) == [b"a"]
    assert await places_of(redis) == {b"a": [f"held:{INCARNATION}"]}
    await redis.flushdb()


@pytest.mark.parametrize("keep_ms", [KEPT_MS, -1])
async def test_a_recovery_that_has_only_begun_keeps_all_ends_away(redis: Redis, keep_ms: int) -> None:
    await put(redis, "a")
    await take(redis)
    await redis.hdel(KEYS.held(INCARNATION), "\0")  # type: ignore[misc]  # its first step
    end = Finish(lease_of("a"), True, b"result", keep_ms, "f")
    with pytest.raises(IncarnationGoneError):
        await finish(redis, KEYS, INCARNATION, [end], max_dead=1, lanes={}, with_results=False)
    assert await is_alive(redis, "a")
    await redis.flushdb()


async def test_a_beat_after_a_recovery_makes_no_lease(redis: Redis) -> None:
    await put(redis, "a")
    await take(redis)
    assert await recover(redis, KEYS, INCARNATION, "killed", lease_ms=LEASE_MS, forced=True) == 1
    with pytest.raises(IncarnationGoneError):
        await beating(redis)
    assert "leases" not in await members_of(redis)
    await redis.flushdb()


async def test_a_lease_that_has_not_ended_is_not_recovered(redis: Redis) -> None:
    await put(redis, "a")
    await take(redis)
    assert await recover(redis, KEYS, INCARNATION, "silent", lease_ms=LEASE_MS) is None
    assert await places_of(redis) == {b"a": [f"held:{INCARNATION}"]}
    await redis.flushdb()


@pytest.mark.parametrize("mode", [EnqueueMode.NEW, EnqueueMode.NAMED])
async def test_a_first_sending_after_its_repetition_puts_nothing_in(redis: Redis, mode: EnqueueMode) -> None:
    jobs = [("a", b"payload")]
    until_ms = await now_ms(redis) + 60_000
    await enqueue(redis, KEYS, "call", Placement(), EnqueueMode.REPEATED, jobs, until_ms=until_ms)
    await take(redis)
    end = Finish(lease_of("a"), True, b"", -1, "f")
    await finish(redis, KEYS, INCARNATION, [end], max_dead=1, lanes={}, with_results=False)
    reply = await enqueue(redis, KEYS, "call", Placement(), mode, jobs)
    assert reply.now_ms == 0
    assert not await is_alive(redis, "a")
    await redis.flushdb()
