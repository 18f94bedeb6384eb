"""`monarq worker` where nobody reads what it and its jobs say, or where that cannot be written."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest

from monarq.producer import Producer
from tests.cli.command import ROOT, STARTED, environment, start
from tests.cli.worker.logs import talking_jobs as jobs
from tests.support.slowness import in_time, patience_s

JOBS = "tests.cli.worker.logs.talking_jobs"
LONGEST_S = 30
HANG_S = 4.0


async def run_unheard(redirections: str, *args: str, url: str) -> int:
    """Runs `monarq` with the reader of its output gone, and what the shell makes of that; gives the exit code."""
    reader, writer = os.pipe()
    os.close(reader)
    command = f"exec {sys.executable} -m monarq {' '.join(args)} {redirections}"
    process = await asyncio.create_subprocess_shell(
        command, cwd=ROOT, env=environment(url), stdout=writer, stderr=writer
    )
    STARTED.append(process)
    os.close(writer)
    async with in_time(LONGEST_S):
        return await process.wait()


@pytest.mark.parametrize("redirections", ["", "<&- >&- 2>&-", ">/dev/full 2>/dev/full"], ids=["gone", "closed", "full"])
async def test_it_runs_and_no_job_fails_for_it(redis_url: str, redirections: str) -> None:
    async with Producer(redis_url) as producer:
        closing = await producer.enqueue(jobs.close_stdout_and_stderr)
        talking = [await producer.enqueue(job) for job in (jobs.talk_on_loop, jobs.talk_in_thread, jobs.talk_in_child)]
        assert await run_unheard(redirections, "worker", JOBS, "-w", "1", "-v", "--burst", url=redis_url) == 0
        await closing.result(timeout=patience_s(5))
        assert [await handle.result(timeout=patience_s(5)) for handle in talking] == ["talked"] * 3


@pytest.mark.parametrize(
    ("redirections", "code"),
    [("2>/dev/full", 2), ("<&- >&- 2>&-", 2), (">/dev/full", 2)],
)
async def test_a_command_whose_output_goes_nowhere_still_has_its_exit_code(redirections: str, code: int) -> None:
    assert await run_unheard(redirections, "stats", url="redis://127.0.0.1:1") == code


async def test_a_reader_that_stops_holds_nothing_up(redis_url: str) -> None:
    process = await start("worker", JOBS, "-w", "1", "-v", "--hang-timeout", f"{HANG_S}s", url=redis_url)
    async with Producer(redis_url) as producer:
        # More than is kept.
        await (await producer.enqueue(jobs.talk_much, 70_000)).result(timeout=patience_s(LONGEST_S))
        # Nothing has been killed: the worker that is there says so at its next job, its first try.
        await (await producer.enqueue(jobs.wait_a_while, 1.5 * HANG_S)).result(timeout=patience_s(LONGEST_S))
        assert process.stderr is not None
        said = []
        async with in_time(LONGEST_S):
            while not said or b" lines of output were dropped: the reader did not keep up" not in said[-1]:
                said.append(await process.stderr.readline())
        process.send_signal(signal.SIGTERM)
        async with in_time(LONGEST_S):
            said.append(await process.stderr.read())
            assert await process.wait() == 0
    assert b"".join(said).count(b"serves") == 1
