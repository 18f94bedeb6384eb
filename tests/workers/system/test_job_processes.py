"""What becomes of the processes that jobs have started, when their worker goes."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import psutil
import pytest

from monarq.producer import Producer
from tests.support.slowness import in_time, patience_s
from tests.workers.supervisor.test_supervisor_jobs import pool_of, stop
from tests.workers.support import program_jobs as jobs
from tests.workers.support.supervisor_process import SupervisorProcess

TARGET = "tests.workers.support.program_jobs"
SOON_S = 0.2

WAITING = [
    (jobs.wait_for_program, "plain", False),
    (jobs.wait_for_program, "in the background of a shell", True),
    (jobs.wait_for_program, "deaf to SIGTERM", False),
    (jobs.run_program_in_thread, "plain", True),
    (jobs.run_program_in_thread, "in the background of a shell", False),
    (jobs.run_program_in_process, "plain", True),
]
"""A job, its program, and whether that gets a session of its own."""


async def program_started(file: Path) -> None:
    async with in_time(20):
        while not file.exists() or not file.read_text().endswith("\n"):
            await asyncio.sleep(0.02)


async def ended(file: Path) -> None:
    async with in_time(20):
        while jobs.lives(str(file)):
            await asyncio.sleep(0.02)


async def worker_pid(pool: SupervisorProcess) -> int:
    return int((await pool.line(r"worker 0 \(pid (\d+)\) is ready"))[1])


async def test_nothing_of_what_was_handed_back_is_left_when_it_runs_again(redis_url: str, tmp_path: Path) -> None:
    async with pool_of(redis_url, TARGET, grace_s=SOON_S) as pool, Producer(redis_url) as producer:
        await worker_pid(pool)
        files = [tmp_path / str(number) for number in range(len(WAITING))]
        handles = [
            await producer.enqueue(job, str(file), script, own_session)
            for file, (job, script, own_session) in zip(files, WAITING, strict=True)
        ]
        for file in files:
            await program_started(file)
        pool.signal(signal.SIGHUP)
        lived = await asyncio.gather(*(handle.result(timeout=patience_s(20)) for handle in handles))
        await stop(pool)
    assert lived == [False] * len(WAITING)


async def test_a_stop_leaves_none_of_a_job_that_it_hands_back(redis_url: str, tmp_path: Path) -> None:
    file = tmp_path / "program"
    async with pool_of(redis_url, TARGET, grace_s=SOON_S) as pool, Producer(redis_url) as producer:
        await producer.enqueue(jobs.run_program_in_thread, str(file), "plain", False)
        await program_started(file)
        await stop(pool)
        assert not jobs.lives(str(file))


@pytest.mark.parametrize(
    ("number", "own_session"), [(signal.SIGSTOP, True), (signal.SIGKILL, False)], ids=["hung", "dead"]
)
async def test_nothing_is_left_of_a_worker_that_did_not_end_in_order(
    redis_url: str, tmp_path: Path, number: signal.Signals, own_session: bool
) -> None:
    file = tmp_path / "program"
    async with (
        pool_of(redis_url, TARGET, limits={"hang_timeout_s": 2.0, "dump_s": 0.1}) as pool,
        Producer(redis_url) as producer,
    ):
        pid = await worker_pid(pool)
        handle = await producer.enqueue(jobs.wait_for_program, str(file), "plain", own_session)
        await program_started(file)
        os.kill(pid, number)
        assert await handle.result(timeout=patience_s(20)) is False
        await stop(pool)


async def test_what_a_job_left_behind_lives_on_where_nothing_is_handed_back(redis_url: str, tmp_path: Path) -> None:
    file = tmp_path / "program"
    async with pool_of(redis_url, TARGET) as pool, Producer(redis_url) as producer:
        await (await producer.enqueue(jobs.leave_program_behind, str(file))).result(timeout=patience_s(20))
        await program_started(file)
        await stop_and_leave(pool)
        assert jobs.lives(str(file))
        psutil.Process(int(file.read_text())).kill()
        await ended(file)


async def stop_and_leave(pool: SupervisorProcess) -> None:
    """The program holds the pool's stdout: only its last line tells that the pool has ended."""
    pool.signal(signal.SIGTERM)
    await pool.line("all workers have ended")
