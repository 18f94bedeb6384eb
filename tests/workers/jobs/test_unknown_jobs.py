"""Jobs that a worker does not know: they wait for one that does, and are dead only when none comes."""

from __future__ import annotations

import asyncio
import random
from io import StringIO

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis
from rich.console import Console

from monarq import job
from monarq.cli.jobs.view import render_view
from monarq.monitor.admin.admin import Cancelled, cancel
from monarq.monitor.jobs.job_view import JobView, find_job
from monarq.shared.errors import SettingsError
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.jobs.claim import read_crash, read_unknown
from monarq.shared.jobs.job import Job
from monarq.shared.payloads.codec import MSGPACK
from monarq.shared.payloads.payload import write_payload
from monarq.shared.protocol.lease import Lease
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.jobs.unknown_jobs import MAX_NAMES_LOGGED, MAX_SPREAD_S, UnknownJobs
from tests.shared.formats.arq.calls import lease_of
from tests.support.formats import OF_ARQ
from tests.support.plugins.leaks import leaked_keys
from tests.support.queues import arq_queue
from tests.support.slowness import in_time
from tests.support.workers import QUEUE, Recorder, dead_letter_of, make_worker, put, result_of, run_burst, running
from tests.workers.support import worker_jobs as jobs

pytestmark = OF_ARQ


@job(name="newly_deployed")
async def newly_deployed() -> str:
    return "ran"


@job(name="newly_computed")
def newly_computed() -> str:
    return "ran"


async def view_of(redis: Redis, job_id: str) -> JobView:
    view = await find_job(redis, job_id)
    assert view is not None
    return view


async def until_requeued(redis: Redis, job_id: str) -> JobView:
    """The job as it waits for a worker that knows it."""
    async with in_time(15):
        while True:
            view = await view_of(redis, job_id)
            if any(moment.what == "unknown" for moment in view.timeline):
                return view
            await asyncio.sleep(0.01)


def shown(view: JobView) -> list[str]:
    """What `monarq jobs show` prints of it."""
    console = Console(file=StringIO(), width=200)
    with console.capture() as capture:
        console.print(render_view(view, with_arguments=False))
    return capture.get().splitlines()


@pytest.mark.parametrize("known_as", [newly_deployed, newly_computed], ids=["io", "cpu"])
async def test_it_waits_at_no_cost_for_a_worker_that_knows_it(
    redis: Redis, redis_url: str, known_as: Job[..., str]
) -> None:
    async with running(make_worker(redis_url, jobs.ALL)):
        await put(redis, known_as, job_id="new")
        view = await until_requeued(redis, "new")
        assert any("this worker does not know the job; waiting for one that does: " in line for line in shown(view))
        assert (view.row.state, view.row.tries, view.row.crashes, view.crash_note) == ("deferred", 0, 0, "")
    async with running(make_worker(redis_url, [known_as])):
        result = await result_of(redis, "new")
    assert (result.value, result.job_try) == ("ran", 1)
    assert await dead_letter_of(redis, "new") == {}
    assert await redis.exists(QUEUE.crash("new")) == 0
    assert await leaked_keys(redis) == []


async def test_it_is_dead_with_the_reason_after_a_time(redis: Redis, redis_url: str) -> None:
    async with running(make_worker(redis_url, [jobs.plus, jobs.tell], keep_unknown_s=1.5)):
        await put(redis, "no_such_job", job_id="who")
        await until_requeued(redis, "who")
        assert await dead_letter_of(redis, "who") == {}
        result = await result_of(redis, "who")
    letter = await dead_letter_of(redis, "who")
    assert (
        "no job is named 'no_such_job' on this worker, nor on any other that claimed it within 2 s; it knows plus, tell"
        in str(result.value)
    )
    assert (letter["tries"], letter["crashes"]) == (0, 0)


async def test_its_time_begins_at_the_first_claim_and_goes_on(redis: Redis, redis_url: str) -> None:
    """Neither another worker nor another claim begins it again, and it has nothing to do with the enqueue."""
    await put(redis, "no_such_job", job_id="who")
    await run_burst(redis_url, jobs.ALL)
    [first_ms] = [moment.at_ms for moment in (await view_of(redis, "who")).timeline if moment.what == "unknown"]
    async with running(make_worker(redis_url, jobs.ALL, keep_unknown_s=2)):
        await result_of(redis, "who")
    [dead] = [moment.at_ms for moment in (await view_of(redis, "who")).timeline if moment.what == "failed"]
    assert dead - first_ms + 50 >= 2000
    assert [m.what for m in (await view_of(redis, "who")).timeline].count("unknown") == 1


async def test_its_tries_and_crashes_stay(redis: Redis, redis_url: str) -> None:
    await put(redis, "no_such_job", job_id="who")
    await redis.set(names.retry("who"), 2, ex=60)
    await redis.set(QUEUE.crash("who"), "1 killed by signal 9", ex=60)
    await run_burst(redis_url, jobs.ALL)
    view = await view_of(redis, "who")
    assert (view.row.tries, view.row.crashes, view.crash_note) == (2, 1, "killed by signal 9")
    note = await redis.get(QUEUE.crash("who"))
    assert read_crash(note) == (1, "killed by signal 9")
    assert read_unknown(note) is not None


async def test_a_later_job_of_its_id_has_a_time_of_its_own(redis: Redis, redis_url: str) -> None:
    """A stock arq worker that ends a job leaves what only monarq knows of it."""
    await redis.set(QUEUE.crash("who"), b"0 \x001000000", ex=60)
    now_ms = int((await redis.time())[0]) * 1000
    payload = write_payload(MSGPACK, "no_such_job", (), {}, now_ms)
    await redis.set(names.job("who"), payload)
    await redis.zadd(QUEUE.queue, {"who": now_ms})
    await run_burst(redis_url, jobs.ALL, keep_unknown_s=60)
    assert (await view_of(redis, "who")).row.state == "deferred"
    assert (read_unknown(await redis.get(QUEUE.crash("who"))) or 0) >= now_ms


async def test_a_burst_does_not_wait_for_it(redis: Redis, redis_url: str) -> None:
    await put(redis, "no_such_job", job_id="who")
    await put(redis, jobs.plus, 1, 2, job_id="sum")
    await put(redis, jobs.plus, 1, 3, job_id="later", delay_ms=300)
    worker = await run_burst(redis_url, jobs.ALL)
    assert worker.counters.succeeded == 2
    assert await redis.zrange(QUEUE.queue, 0, -1) == [b"who"]


async def test_known_jobs_behind_many_unknown_ones_run_at_once(redis: Redis, redis_url: str) -> None:
    for number in range(2000):
        await put(redis, f"made_up_{number % 300}", job_id=f"unknown-{number}")
    await put(redis, jobs.plus, 1, 2, job_id="sum")
    recorder = Recorder()
    async with running(make_worker(redis_url, jobs.ALL, recorder)):
        assert (await result_of(redis, "sum")).value == 3
        await put(redis, jobs.plus, 1, 3, job_id="another")
        assert (await result_of(redis, "another")).value == 4
    assert await redis.zcard(QUEUE.queue) == 2000
    assert recorder.events.count("job_unknown") == MAX_NAMES_LOGGED


async def test_it_can_be_cancelled_while_it_waits(redis: Redis, redis_url: str) -> None:
    async with running(make_worker(redis_url, jobs.ALL)):
        await put(redis, "no_such_job", job_id="who")
        await until_requeued(redis, "who")
        assert await cancel(redis, arq_queue(QUEUE.queue), "who") is Cancelled.WAITS
        result = await result_of(redis, "who")
    assert isinstance(result.value, asyncio.CancelledError)
    assert await redis.exists(QUEUE.crash("who"), QUEUE.queue) == 0


async def test_it_expires_while_it_waits(redis: Redis, redis_url: str) -> None:
    async with running(make_worker(redis_url, jobs.ALL)):
        await put(redis, "no_such_job", job_id="who", ttl_ms=500)
        result = await result_of(redis, "who")
    assert "expired" in str(result.value)


@pytest.mark.parametrize("changes", [{"arq_rules": True}, {"keep_unknown_s": 0}], ids=str)
async def test_where_it_does_not_wait(redis: Redis, redis_url: str, changes: dict[str, object]) -> None:
    await put(redis, "no_such_job", job_id="who")
    await run_burst(redis_url, jobs.ALL, **changes)
    assert "no_such_job" in (await dead_letter_of(redis, "who"))["error"]
    assert await redis.exists(QUEUE.crash("who"), QUEUE.queue) == 0


def test_a_negative_time_is_rejected() -> None:
    with pytest.raises(SettingsError, match="keep_unknown_s is -1: give seconds from 0"):
        WorkerSettings(keep_unknown_s=-1)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def met(since_s: float | None) -> Lease:
    """A job that was met so long ago by a worker that does not know it."""
    lease = replace(lease_of("a"), claimed_ms=10_000_000)
    return lease if since_s is None else replace(lease, unknown_ms=10_000_000 - round(since_s * 1000))


@pytest.mark.parametrize(
    ("since_s", "least_s", "most_s"),
    [(None, 0.75, 1.25), (0.5, 0.75, 1.25), (1, 0.75, 1.25), (8, 6, 10), (100, 22.5, 37.5), (3595, 5, 5)],
)
def test_the_longer_it_has_waited_the_longer_its_delay(since_s: float | None, least_s: float, most_s: float) -> None:
    for seed in range(20):
        random.seed(seed)
        assert least_s <= UnknownJobs("w1", keep_s=3600, burst=False, clock=Clock()).delay_s(met(since_s)) <= most_s


def test_many_are_spread_over_time() -> None:
    unknown = UnknownJobs("w1", keep_s=3600, burst=False, clock=Clock())
    lease = met(None)
    delays_s = [unknown.delay_s(lease) for _ in range(10_000)]
    assert sum(delay_s <= 10 for delay_s in delays_s) <= 5100
    assert max(delays_s) <= 21
    assert max(unknown.delay_s(lease) for _ in range(200_000)) == MAX_SPREAD_S


def test_a_name_is_logged_once_in_a_while_and_not_too_many_are() -> None:
    clock = Clock()
    unknown = UnknownJobs("w1", keep_s=3600, burst=False, clock=clock)
    assert [unknown.should_log("a") for _ in range(3)] == [True, False, False]
    assert sum(unknown.should_log(f"made up {number}") for number in range(3000)) == MAX_NAMES_LOGGED - 1
    clock.now_s += 601
    assert unknown.should_log("a")
