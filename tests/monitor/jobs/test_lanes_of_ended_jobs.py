"""Ended jobs show the lane that they ran in, or would have run in."""

from __future__ import annotations

from typing import Final

from redis.asyncio import Redis

from monarq.monitor.jobs.job_view import find_job
from monarq.monitor.jobs.listing import list_jobs
from monarq.shared.calls.context import Context, SyncContext
from monarq.shared.formats.arq.jobs.cancel import cancel
from monarq.shared.jobs.decorators import job
from tests.support.formats import OF_ARQ
from tests.support.queues import ARQ_QUEUE
from tests.support.workers import QUEUE, put, run_burst

pytestmark = OF_ARQ


@job(name="in io", keep_result=60)
async def in_io(ctx: Context, how: str) -> None:
    fail(how)


@job(name="in thread", lane="thread", keep_result=60)
def in_thread(ctx: SyncContext, how: str) -> None:
    fail(how)


@job(name="in cpu", keep_result=60)
def in_cpu(ctx: SyncContext, how: str) -> None:
    fail(how)


@job(name="unkept in cpu", keep_result=0)
def unkept_in_cpu() -> None: ...


JOBS: Final = {"io": in_io, "thread": in_thread, "cpu": in_cpu}
STATES: Final = ("succeeded", "failed", "cancelled")


def fail(how: str) -> None:
    if how == "failed":
        raise ValueError(how)


async def test_the_lane_of_a_job_that_has_ended(redis: Redis, redis_url: str) -> None:
    for lane, declared in JOBS.items():
        for state in STATES:
            await put(redis, declared, state, job_id=f"{lane} {state}")
        await cancel(redis, QUEUE, f"{lane} cancelled")
    await put(redis, unkept_in_cpu, job_id="unkept")
    await run_burst(redis_url, [*JOBS.values(), unkept_in_cpu])
    expected = {f"{lane} {state}": (lane, state) for lane in JOBS for state in STATES}
    assert {job_id: await shown(redis, job_id) for job_id in expected} == expected
    assert await shown(redis, "unkept") == (None, "unknown"), "nothing is kept that would tell"
    listed = {row.job_id: (row.lane, row.state) for row in (await list_jobs(redis, ARQ_QUEUE, "ended")).rows}
    assert listed == expected | {"unkept": ("cpu", "succeeded")}
    dead = {row.job_id: row.lane for row in (await list_jobs(redis, ARQ_QUEUE, "failed")).rows}
    assert dead == {f"{lane} failed": lane for lane in JOBS}


async def shown(redis: Redis, job_id: str) -> tuple[str | None, str]:
    view = await find_job(redis, job_id)
    assert view is not None
    return view.row.lane, view.row.state
