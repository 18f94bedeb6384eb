"""The scripts and arq 0.28 on the same keys: its worker, its client and the gaps between its round trips."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import pytest
from arq import Retry
from arq.connections import ArqRedis, RedisSettings, create_pool
from arq.jobs import Job, JobStatus, serialize_job, serialize_result
from arq.worker import Worker, func
from redis.asyncio import Redis
from redis.exceptions import WatchError

from monarq.shared.formats.arq.jobs.enqueue import enqueue
from monarq.shared.formats.arq.jobs.finish import finish
from monarq.shared.lane import Lane
from monarq.shared.protocol.enqueue import EnqueueMode, Placement
from tests.shared.formats.arq.calls import (
    LEASE_S,
    Back,
    Taken,
    Took,
    call_claim,
    call_finish,
    call_renew,
    call_requeue,
    ending,
    lease_of,
)
from tests.shared.formats.arq.rows import Scene
from tests.support.queue_state import KEYS, PARKED, Exactly, QueueState, leased, read_state, seed, server_ms
from tests.support.slowness import patience_s

Step = Callable[[Scene], Awaitable[object]]
PAYLOAD: Final = serialize_job("job", (), {}, None, 0) or b""


@pytest.fixture
async def arq(redis: Redis) -> AsyncIterator[ArqRedis]:
    """arq's client of the same Redis."""
    path = redis.connection_pool.connection_kwargs["path"]
    pool = await create_pool(RedisSettings(unix_socket_path=path))
    yield pool
    await pool.aclose()


@pytest.fixture
async def scene(redis: Redis) -> Scene:
    """An empty Redis, now."""
    return Scene(redis, await server_ms(redis))


def arq_worker(arq: ArqRedis, job: Any) -> Worker:
    """arq's worker, which a test moves by hand."""
    # Its first sign of life would be a key of its own.
    return Worker(functions=[func(job, name="job")], redis_pool=arq, handle_signals=False, health_check_interval=1e12)


async def enqueue_by_arq(arq: ArqRedis) -> None:
    """arq's client has enqueued job a five seconds ago; it rounds times, so that a new job may be due in a moment."""
    await arq.enqueue_job("job", _job_id="a", _defer_until=datetime.now(UTC) - timedelta(seconds=5))


async def poll(worker: Worker) -> int:
    """One poll of the queue by arq's worker; returns how many jobs it has started."""
    await worker._poll_iteration()
    return len(worker.tasks)


@asynccontextmanager
async def run_by_arq(arq: ArqRedis) -> AsyncIterator[None]:
    """arq's worker has started the one job that is due, and ends it when the block ends."""
    gate = asyncio.Event()

    async def job(ctx: dict[Any, Any]) -> str:
        await gate.wait()
        return "by arq"

    worker = arq_worker(arq, job)
    assert await poll(worker) == 1
    try:
        yield
    finally:
        gate.set()
        await asyncio.gather(*worker.tasks.values())


async def claim_by_monarq(scene: Scene, token: str = "t1") -> Took:
    """What monarq's claim takes now."""
    return cast("Took", await call_claim(token=token)(scene))


async def state(scene: Scene) -> QueueState:
    """What Redis holds now."""
    return await read_state(scene.redis, scene.now_ms)


async def nothing(ctx: dict[Any, Any]) -> None:
    """A job."""


async def test_arq_does_not_run_what_monarq_has_leased(scene: Scene, arq: ArqRedis) -> None:
    await enqueue_by_arq(arq)
    await call_claim()(scene)
    worker = arq_worker(arq, nothing)
    assert await poll(worker) == 0
    assert await Job("a", arq).status() is JobStatus.in_progress
    # As arq's abort() does it.
    await arq.zadd(KEYS.queue, {"a": 1})
    assert await poll(worker) == 0


async def test_arq_does_not_run_parked_jobs(scene: Scene, arq: ArqRedis) -> None:
    await enqueue(scene.redis, KEYS, Placement(Lane.CPU), EnqueueMode.NEW, [("a", PAYLOAD)])
    assert await poll(arq_worker(arq, nothing)) == 0
    assert await Job("a", arq).status() is JobStatus.deferred


async def test_arq_s_client_cannot_enqueue_what_monarq_runs(scene: Scene, arq: ArqRedis) -> None:
    await enqueue_by_arq(arq)
    await call_claim()(scene)
    assert await arq.enqueue_job("job", _job_id="a") is None
    assert (await state(scene)).queue == {"a": leased(LEASE_S)}


async def test_what_arq_runs_is_neither_claimed_nor_moved(scene: Scene, arq: ArqRedis) -> None:
    await enqueue_by_arq(arq)
    async with run_by_arq(arq):
        assert await call_claim()(scene) == Took()
        assert (await state(scene)).queue == {"a": -5}
    assert (await state(scene)).queue == {}


async def test_a_retry_of_arq_s_is_due_when_it_says(scene: Scene, arq: ArqRedis) -> None:
    async def job(ctx: dict[Any, Any]) -> None:
        raise Retry(defer=30)

    await enqueue_by_arq(arq)
    worker = arq_worker(arq, job)
    await poll(worker)
    await asyncio.gather(*worker.tasks.values())
    assert await call_claim()(scene) == Took(next_due=30)
    assert (await state(scene)).tries == {"a": "1"}


async def test_a_lost_lease_that_arq_takes_over_is_arq_s(scene: Scene, arq: ArqRedis) -> None:
    await enqueue_by_arq(arq)
    await call_claim()(scene)
    await scene.redis.delete("arq:in-progress:a")
    await scene.redis.zadd(KEYS.queue, {"a": scene.now_ms - 1000 + 0.5})
    async with run_by_arq(arq):
        assert await call_finish(ending("a", result="by monarq"))(scene) == ["a"]
        assert await call_requeue(Back("a", tries=1))(scene) == ["a"]
        assert await call_renew(lease_of("a"))(scene) == ["a"]
        assert (await state(scene)).tokens == {"a": "1"}
    assert await Job("a", arq).result(timeout=patience_s(1)) == "by arq"


async def test_a_late_end_by_arq_takes_the_lease_and_not_the_result(scene: Scene, arq: ArqRedis) -> None:
    """arq ends whatever job has the id; the worker that holds the lease must notice, and write nothing."""
    await enqueue_by_arq(arq)
    await call_claim()(scene)
    worker = arq_worker(arq, nothing)
    await worker.finish_job("a", True, b"arq's", 60, False, None, None)
    assert await call_renew(lease_of("a"))(scene) == ["a"]
    assert await call_finish(ending("a", result="ours", letter="why"))(scene) == ["a"]
    left = await state(scene)
    assert (left.results, left.letters, left.queue, left.leases) == ({"a": "arq's"}, {}, {}, {})


async def test_a_late_retry_by_arq_makes_a_ghost_that_does_not_end_once_more(scene: Scene, arq: ArqRedis) -> None:
    await enqueue_by_arq(arq)
    await call_claim()(scene)
    await call_finish(ending("a"))(scene)
    await arq_worker(arq, nothing).finish_job("a", False, None, 60, False, 5000, None)
    assert (await state(scene)).queue == {"a": Exactly(5000)}
    assert await call_claim()(scene) == Took()
    left = await state(scene)
    assert (left.queue, left.results) == ({}, {"a": "result"})


async def abort_by_arq(arq: ArqRedis) -> None:
    """arq's abort(), without the wait for what becomes of it."""
    with pytest.raises(asyncio.TimeoutError):
        await Job("a", arq).abort(timeout=0, poll_delay=0)


async def test_arq_s_abort_of_a_deferred_job(scene: Scene, arq: ArqRedis) -> None:
    await arq.enqueue_job("job", _job_id="a", _defer_by=60)
    await abort_by_arq(arq)
    took = await claim_by_monarq(scene)
    assert took == Took((Taken("a", took.jobs[0].payload, due=Exactly(1), abort=0),), LEASE_S)


async def test_arq_s_abort_of_a_running_job(scene: Scene, arq: ArqRedis) -> None:
    await enqueue_by_arq(arq)
    await call_claim()(scene)
    await abort_by_arq(arq)
    assert (await state(scene)).queue == {"a": Exactly(1)}
    assert await call_claim(token="t2")(scene) == Took()
    assert await call_renew(lease_of("a"))(scene) == []
    assert (await state(scene)).queue == {"a": leased(LEASE_S)}
    result = serialize_result("job", (), {}, 1, 0, False, asyncio.CancelledError(), 0, 0, "a", "arq:queue", "a")
    await finish(scene.redis, KEYS, "w1", [_failed("a", result or b"")], 100)
    with pytest.raises(asyncio.CancelledError):
        await Job("a", arq).result(timeout=patience_s(1))
    assert (await state(scene)).aborts == {}


def _failed(job_id: str, result: bytes) -> Any:
    end = ending(job_id, success=False)
    end.result = result
    return end


@pytest.mark.parametrize("running", [False, True])
async def test_arq_s_abort_of_a_cpu_job(scene: Scene, arq: ArqRedis, running: bool) -> None:
    await enqueue(scene.redis, KEYS, Placement(Lane.CPU), EnqueueMode.NEW, [("a", PAYLOAD)])
    if running:
        await call_claim(lane_queue="cpu")(scene)
    await abort_by_arq(arq)
    assert (await state(scene)).queue == {"a": Exactly(1)}
    if running:
        assert await call_claim(token="t2")(scene) == Took()
        await call_renew(lease_of("a", lane_queue="cpu"))(scene)
        left = await state(scene)
        assert (left.queue, left.cpu) == ({"a": PARKED}, {"a": leased(LEASE_S)})
    else:
        took = await claim_by_monarq(scene, "t2")
        assert [(job.id, job.abort) for job in took.jobs] == [("a", 0)]


async def _claim(scene: Scene) -> None:
    await call_claim()(scene)


async def _claim_and_end(scene: Scene) -> None:
    await call_claim()(scene)
    await call_finish(ending("a"))(scene)


async def _claim_and_return(scene: Scene) -> None:
    await call_claim()(scene)
    await call_requeue(Back("a"))(scene)


@pytest.mark.parametrize("score", [-5, Exactly(1)], ids=["due", "moved by abort()"])
@pytest.mark.parametrize("step", [_claim, _claim_and_end, _claim_and_return])
async def test_arq_lets_go_of_a_job_that_changes_hands_while_it_looks(redis: Redis, step: Step, score: Any) -> None:
    """arq's worker looks at a job and takes it in two round trips: what comes between must make the second fail."""
    now_ms = await seed(redis, QueueState(queue={"a": score}, payloads={"a": "payload"}))
    pipe: Any = redis.pipeline(transaction=True)
    async with pipe:
        await pipe.watch("arq:in-progress:a")
        assert not await pipe.exists("arq:in-progress:a")
        assert await pipe.zscore(KEYS.queue, "a")
        await step(Scene(redis, now_ms))
        pipe.multi()
        pipe.psetex("arq:in-progress:a", 310_000, b"1")
        with pytest.raises(WatchError):
            await pipe.execute()
