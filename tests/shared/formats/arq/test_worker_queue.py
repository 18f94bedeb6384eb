"""A queue in arq's format as a worker uses it: claims whose replies were lost, and whether anything is left to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq import worker_queue
from monarq.shared.protocol.worker_queue import WorkerQueue
from tests.support.formats import OF_ARQ
from tests.support.queues import queue_of
from tests.support.workers import QUEUE, put

pytestmark = OF_ARQ

WORKER = "host:1:claims"


@pytest.fixture
def lose_reply(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes the next claim be carried out and fail."""
    lost: list[ConnectionResetError] = []
    real = worker_queue.claim

    async def claim(*asked: Any) -> Any:
        claimed = await real(*asked)
        if lost:
            raise lost.pop()
        return claimed

    monkeypatch.setattr(worker_queue, "claim", claim)
    return lambda: lost.append(ConnectionResetError(104, "reset"))


async def lose_a_claim(redis: Redis, queue: WorkerQueue, lose_reply: Callable[[], None]) -> None:
    await put(redis, "plus", 1, 2, job_id="taken")
    lose_reply()
    with pytest.raises(ConnectionResetError):
        await queue.claim(redis, "io", 1)
    assert await redis.exists(names.in_progress("taken"))


async def test_the_next_claim_gets_what_a_lost_one_took(redis: Redis, lose_reply: Callable[[], None]) -> None:
    queue = queue_of(QUEUE, WORKER)
    await lose_a_claim(redis, queue, lose_reply)
    [lease] = (await queue.claim(redis, "io", 1)).leases
    assert (lease.job_id, lease.crashes) == ("taken", 0)
    await redis.flushall()


@pytest.mark.parametrize(
    "release",
    [lambda queue, redis: queue.claim(redis, "io", 0), lambda queue, redis: queue.release_unconfirmed(redis)],
    ids=["a claim of nothing", "the end"],
)
async def test_what_a_lost_claim_took_is_free_after(
    redis: Redis, lose_reply: Callable[[], None], release: Callable[[WorkerQueue, Redis], Awaitable[object]]
) -> None:
    queue = queue_of(QUEUE, WORKER)
    await lose_a_claim(redis, queue, lose_reply)
    await release(queue, redis)
    assert not await redis.exists(names.in_progress("taken"), QUEUE.leases(WORKER))
    await redis.flushall()


async def test_the_claims_of_another_lane_queue_release_nothing(redis: Redis, lose_reply: Callable[[], None]) -> None:
    """They may be under way while it waits for its reply."""
    queue = queue_of(QUEUE, WORKER)
    await lose_a_claim(redis, queue, lose_reply)
    await queue.claim(redis, "cpu", 1)
    assert await redis.exists(names.in_progress("taken"))
    await redis.flushall()


State = Literal["empty", "waits", "deferred", "runs", "paused"]


@pytest.mark.parametrize(
    ("state", "apart_from", "has_work"),
    [
        ("empty", [], False),
        ("waits", [], True),
        ("waits", [b"others", b"long gone"], True),
        ("waits", [b"one"], False),
        ("deferred", [], True),
        ("runs", [], True),
        ("paused", [], False),
    ],
)
async def test_whether_it_has_work(redis: Redis, state: State, apart_from: list[bytes], has_work: bool) -> None:
    queue = queue_of(QUEUE, WORKER)
    if state != "empty":
        await put(redis, "plus", 1, 2, job_id="one", delay_ms=60_000 if state == "deferred" else 0)
    if state == "runs":
        assert (await queue.claim(redis, "io", 1)).leases
    if state == "paused":
        await redis.set(QUEUE.paused, 1, ex=60)
    assert await queue.has_work(redis, apart_from) is has_work
    await redis.flushall()
