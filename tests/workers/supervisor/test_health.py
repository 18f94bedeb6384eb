"""The health of a pool: when it is live and when it is ready, with made-up pool states and a real Redis."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence

import pytest
from redis.asyncio import Redis

from monarq.producer import Producer
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.queue import Queue
from monarq.workers.control.heartbeat import Heartbeat, IdleTime
from monarq.workers.control.messages import Ready
from monarq.workers.supervisor.health import HealthLimits, PoolHealth
from monarq.workers.supervisor.pool_state import Phase, PoolState, WorkerState
from monarq.workers.supervisor.redis_probe import RedisProbe
from tests.support.formats import OF_ARQ
from tests.support.proxy import Proxy
from tests.support.slowness import in_time, patience_s
from tests.support.workers import Recorder, make_worker, put, running
from tests.workers.support import worker_jobs as jobs

pytestmark = OF_ARQ

LIMITS = HealthLimits(live_s=5, claim_s=30)
QUEUE = QueueKeys.of(DEFAULT_QUEUE)
MAIL = NativeKeys.of("mail")


def worker(
    url: str | None = None,
    *,
    phase: Phase = "ready",
    silent_s: float = 0.0,
    lag_s: float = 0.0,
    renewed_s: float = 0.0,
    idle_s: float = 0.0,
    lane_queue: LaneQueue = "io",
    queues: Sequence[QueueRef] = (QUEUE.ref,),
) -> WorkerState:
    ready = None if phase == "starting" else Ready("w", [*queues], 15, 20, url)
    idle = [IdleTime(queue, lane_queue, idle_s) for queue in queues]
    heartbeat = Heartbeat(running=0, lag_s=lag_s, renewed_s=renewed_s, idle=idle)
    return WorkerState(0, 7, phase, ready, silent_s, heartbeat, 0)


class Health(PoolHealth):
    """Of a pool that the test makes up."""

    def __init__(self) -> None:
        super().__init__(lambda: self.pool, LIMITS, RedisProbe())
        self.pool = PoolState(False, ())

    async def problems(self, *workers: WorkerState, draining: bool = False) -> str:
        self.pool = PoolState(draining, workers)
        self._probe._probed_s = float("-inf")
        return "; ".join((await self.ready()).problems)


@pytest.fixture
async def health() -> AsyncIterator[Health]:
    health = Health()
    health.start()
    yield health
    health.stop()
    await health._probe.close()


@pytest.mark.parametrize(
    ("workers", "problem"),
    [
        ((), ""),
        ((worker(silent_s=4.9, lag_s=4.9),), ""),
        ((worker(), worker(silent_s=5.5)), "worker 0 (pid 7) has sent no heartbeat for 5.5 s"),
        ((worker(lag_s=6),), "worker 0 (pid 7) had its event loop blocked for 6.0 s"),
        ((worker(phase="starting", silent_s=50),), ""),
        ((worker(phase="ending", silent_s=50),), "worker 0 (pid 7) has sent no heartbeat for 50.0 s"),
    ],
)
async def test_alive(health: Health, workers: tuple[WorkerState, ...], problem: str) -> None:
    health.pool = PoolState(False, workers)
    assert "; ".join(health.live().problems) == problem


async def test_a_supervisor_whose_loop_stood_still_is_remembered_as_sick_for_some_seconds() -> None:
    health = PoolHealth(lambda: PoolState(False, ()), HealthLimits(live_s=1.5), RedisProbe())
    health.start()
    await asyncio.sleep(0.2)
    assert health.live().ok
    time.sleep(2)
    await asyncio.sleep(0.2)
    assert "the supervisor's event loop was blocked for " in health.live().problems[0]
    await asyncio.sleep(1.2)
    assert not health.live().ok
    health.stop()


async def test_a_pool_is_not_ready_before_its_workers_nor_while_it_drains(health: Health, redis_url: str) -> None:
    assert await health.problems() == "no worker is ready"
    assert await health.problems(worker(phase="starting")) == "no worker is ready"
    assert await health.problems(worker(redis_url, phase="ending")) == "no worker is ready"
    assert await health.problems(worker(redis_url), worker(phase="starting")) == ""
    assert await health.problems(worker(redis_url), draining=True) == "draining: the pool was told to stop"


async def test_redis_that_is_away(health: Health) -> None:
    assert "Redis does not answer: " in await health.problems(worker("unix:///nonexistent/redis.sock"))


async def test_redis_that_says_nothing(health: Health, redis_url: str) -> None:
    async with Proxy(redis_url.removeprefix("unix://").partition("?")[0]) as proxy:
        assert await health.problems(worker(proxy.url)) == ""
        proxy.deaf = True
        began_s = time.monotonic()
        assert "Redis does not answer" in await health.problems(worker(proxy.url))
        assert time.monotonic() - began_s < patience_s(4)


async def test_work_that_nobody_claims(health: Health, redis: Redis, redis_url: str) -> None:
    idle, busy = worker(redis_url, idle_s=40), worker(redis_url, idle_s=2)
    assert await health.problems(idle) == ""  # there is nothing to be claimed
    await put(redis, jobs.plus, 1, 2, job_id="old")
    assert await health.problems(idle) == ""  # it was put in just now
    await redis.zadd(QUEUE.queue, {"old": int(time.time() * 1000) - 60_000})
    assert await health.problems(idle) == (
        "arq:queue: a job for the io lane has been due for 60.0 s and a slot was free,"
        " but nothing was claimed for 40.0 s"
    )
    assert await health.problems(idle, busy) == ""  # there is a backlog, and one of them works on it
    assert await health.problems(worker(redis_url, idle_s=40, lane_queue="cpu")) == ""
    assert await health.problems(worker(redis_url, silent_s=45)) != ""  # what is silent claims nothing
    await redis.set(names.in_progress("old"), 1, ex=60)
    assert await health.problems(idle) == ""  # an arq worker runs it


async def test_work_of_a_native_queue_that_nobody_claims(health: Health, redis: Redis, redis_url: str) -> None:
    mail, arq_mail = QueueRef("mail", "native"), QueueRef("mail", "arq")
    idle, busy = (worker(redis_url, queues=[arq_mail, mail], idle_s=idle_s) for idle_s in (40, 2))
    async with Producer(redis_url, queue=Queue("mail")) as producer:
        await producer.enqueue("plus", 1, 2)
    assert await health.problems(idle) == ""  # it was put in just now
    [(job_id, place)] = await redis.zrange(MAIL.key("queued"), 0, 0, withscores=True)
    await redis.zadd(MAIL.key("queued"), {job_id: place - 60_000 * 32})  # a place in the order is in 1/32 ms
    assert re.fullmatch(
        r"mail: a job for the io lane has been due for 6\d\.\d s and a slot was free,"
        r" but nothing was claimed for 40\.0 s",
        await health.problems(idle),
    )
    assert await health.problems(idle, busy) == ""


async def test_a_cpu_job_that_nobody_claims(health: Health, redis: Redis, redis_url: str) -> None:
    await put(redis, jobs.squared, 2, job_id="old")
    await redis.zadd(QUEUE.cpu, {"old": int(time.time() * 1000) - 60_000})
    assert "for the cpu lane" in await health.problems(worker(redis_url, idle_s=40, lane_queue="cpu"))
    assert await health.problems(worker(redis_url, idle_s=0, lane_queue="cpu")) == ""  # all cpu lanes are busy
    assert await health.problems(worker(redis_url, idle_s=40, lane_queue="io")) == ""  # nobody here has a cpu lane


async def test_redis_without_a_url_is_known_through_the_workers(health: Health) -> None:
    assert await health.problems(worker(renewed_s=5)) == ""
    assert await health.problems(worker(renewed_s=40)) == "Redis has not answered any worker for 40.0 s"
    assert await health.problems(worker(renewed_s=40), worker(renewed_s=5)) == ""


async def test_a_worker_that_gets_jobs_is_not_idle(redis: Redis, redis_url: str) -> None:
    recorder = Recorder()
    async with running(make_worker(redis_url, [jobs.wait], recorder)) as real_worker:
        await recorder.until("worker_started")
        async with in_time(10):
            while real_worker.heartbeat().idle[0].idle_s < 0.3:
                await asyncio.sleep(0.01)
        put_s = time.monotonic()
        await put(redis, jobs.wait, 0.0, job_id="fed")
        await recorder.until("job_started")
        [idle] = real_worker.heartbeat().idle
        assert idle.idle_s <= time.monotonic() - put_s


async def test_a_worker_that_gets_no_answer_reports_that_it_is_idle(redis: Redis, redis_url: str) -> None:
    async with (
        Proxy(redis_url.removeprefix("unix://").partition("?")[0]) as proxy,
        running(make_worker(proxy.url, [jobs.wait], concurrency=1)) as real_worker,
    ):
        async with in_time(10):
            while len(real_worker.heartbeat().idle) < 1:
                await asyncio.sleep(0.01)
            await put(redis, jobs.wait, 1.0, job_id="fills-it")
            while not real_worker.running:
                await asyncio.sleep(0.01)
        proxy.deaf = True
        [full] = real_worker.heartbeat().idle
        assert (full.queue, full.lane_queue, full.idle_s) == (QUEUE.ref, "io", 0.0)
        async with in_time(10):
            while real_worker.heartbeat().idle[0].idle_s < 0.3:
                await asyncio.sleep(0.05)
        assert real_worker.heartbeat().renewed_s > 0.3
        proxy.deaf = False
