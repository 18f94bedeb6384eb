"""Lanes: each job is called where it declares, and a child process is there only where a cpu job is."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from monarq.shared.calls.context import SyncContext
from monarq.shared.jobs.decorators import job
from monarq.shared.jobs.job import Job
from monarq.workers.jobs.registry import register
from monarq.workers.lanes.child_protocol import Lead
from monarq.workers.lanes.lanes import Lanes
from monarq.workers.reporting.worker_record import RunCounters
from monarq.workers.runs.cpu_errors import CpuLaneError
from monarq.workers.runs.run import ActiveRun
from monarq.workers.runs.run_progress import RunProgress
from monarq.workers.runs.worker_scope import WorkerScope
from tests.support.workers import settings_for_tests
from tests.workers.support.runs import make_run

Where = tuple[int, bool, object]


def where(given: object) -> Where:
    """The process, whether it is its main thread, and what the job was given."""
    return os.getpid(), threading.current_thread() is threading.main_thread(), given


@job(name="lanes.in_io")
async def in_io(lead: str, given: int) -> Where:
    return where((lead, given))


@job(name="lanes.in_thread", lane="thread")
def in_thread(lead: str, given: int) -> Where:
    return where((lead, given))


@job(name="lanes.in_cpu", timeout=60)
def in_cpu(ctx: SyncContext, given: int) -> Where:
    ctx.progress(given, 10, "in the child")
    return where((ctx.job_id, given))


@job(name="lanes.fails_in_cpu", timeout=60)
def fails_in_cpu() -> None:
    raise LookupError("as asked")


@asynccontextmanager
async def lanes_for(*jobs: Job[..., Any]) -> AsyncIterator[Lanes]:
    """The lanes of a worker that knows these jobs, started."""
    settings = settings_for_tests()
    lanes = Lanes(register(jobs, settings), settings, RunCounters(), "worker")
    await lanes.start()
    try:
        yield lanes
    finally:
        await lanes.stop()


@pytest.mark.parametrize("jobs", [(), (in_io,), (in_io, in_thread)], ids=len)
async def test_without_a_cpu_job_there_is_no_child(jobs: Sequence[Job[..., Any]]) -> None:
    async with lanes_for(*jobs) as lanes:
        assert (lanes.has_cpu, lanes.child_pid, lanes.child_pids()) == (False, None, set())


@pytest.mark.parametrize(("declared", "in_main_thread"), [(in_io, True), (in_thread, False)])
async def test_jobs_of_the_workers_own_process_get_the_lead_before_their_arguments(
    declared: Job[..., Any], in_main_thread: bool
) -> None:
    async with lanes_for(declared) as lanes:
        assert await lanes.call(make_run(declared, 7), ("lead",)) == (os.getpid(), in_main_thread, ("lead", 7))


async def test_a_cpu_job_runs_in_the_child_and_its_progress_and_error_come_back() -> None:
    async with lanes_for(in_io, in_cpu, fails_in_cpu) as lanes:
        assert lanes.has_cpu
        child = lanes.child_pid
        assert lanes.child_pids() == {child}
        run = make_run(in_cpu, 3)
        unused: Any = None
        WorkerScope("w", {}, lambda: False, lambda lease: RunProgress(lease, lambda progress: None), unused).enter()
        assert await lanes.call(run, (Lead.CONTEXT,)) == (child, True, ("id", 3))
        assert run.progress is not None
        assert run.progress.take() == b'{"done":3,"total":10,"message":"in the child"}'
        failing = make_run(fails_in_cpu)
        with pytest.raises(LookupError, match="as asked"):
            await lanes.call(failing, ())
        assert failing.raised is not None
        assert failing.raised.is_a((LookupError,))
    assert (lanes.has_cpu, lanes.child_pid, lanes.child_pids()) == (True, None, set())


async def test_stopped_lanes_take_no_cpu_job() -> None:
    async with lanes_for(in_cpu) as lanes:
        pass
    run: ActiveRun = make_run(in_cpu, 1)
    with pytest.raises(CpuLaneError, match="stopped"):
        await lanes.call(run, (Lead.CONTEXT,))
