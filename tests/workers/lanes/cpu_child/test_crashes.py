"""The cpu child dies under a job, and nobody here wanted that: a crash, as the death of a worker is."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from redis.asyncio import Redis

from chaos.faults.proxy import Cut
from monarq.shared.formats.arq import keys as names
from tests.support.formats import OF_ARQ
from tests.support.proxy import Proxy
from tests.support.slowness import in_time
from tests.support.workers import QUEUE, Recorder, dead_letter_of, make_worker, put, result_of, run_burst, running
from tests.workers.lanes.cpu_child import crash_jobs as jobs

pytestmark = OF_ARQ

DEATHS = [
    ("exit", "its process exited with code 0 before the function returned"),
    ("null", "its process was killed by SIGSEGV"),
    ("closes", "a job closed the socket between the CPU child and its worker"),
    ("scribbles", "a job wrote into the socket between the CPU child and its worker"),
]


@pytest.mark.parametrize(("how", "words"), DEATHS)
async def test_it_runs_again_until_it_has_crashed_too_often(redis: Redis, redis_url: str, how: str, words: str) -> None:
    await put(redis, jobs.die, how, job_id="die")
    await put(redis, jobs.answer, job_id="answer")
    worker = await run_burst(redis_url, jobs.ALL, max_crashes=2)
    told = str((await result_of(redis, "die")).value)
    assert "lost 2 times" in told
    assert words in told
    letter = await dead_letter_of(redis, "die")
    assert (letter["crashes"], letter["tries"], letter["home"]) == (2, 0, "cpu")
    assert (await result_of(redis, "answer")).value == 42
    assert (worker.counters.crashed, worker.counters.retried) == (2, 0)
    history = await redis.lrange(QUEUE.history("die"), 0, -1)
    assert [entry.split(b" ")[1] for entry in history] == [b"crashed", b"crashed"]


async def test_a_death_costs_no_try(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    await put(redis, jobs.die_once, str(tmp_path / "ran"), job_id="once")
    await run_burst(redis_url, jobs.ALL)
    assert (await result_of(redis, "once")).value == 1
    assert not await redis.exists(names.retry("once"), QUEUE.crash("once"))


async def test_a_kill_from_outside_is_a_crash(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    """By the kernel, when memory runs out, or by an operator."""
    recorder = Recorder()
    async with running(make_worker(redis_url, jobs.ALL, recorder)):
        await put(redis, jobs.wait_for_a_kill, str(tmp_path), job_id="killed")
        async with in_time(30):
            while not (told := list(tmp_path.glob("*.pid"))):
                await asyncio.sleep(0.01)
        os.kill(int(told[0].read_text()), signal.SIGKILL)
        assert (await result_of(redis, "killed")).value == 1
    assert recorder.events.count("job_crashed") == 1
    assert "job_failed" not in recorder.events
    history = b"".join(await redis.lrange(QUEUE.history("killed"), 0, -1))
    assert b"killed by SIGKILL, which the kernel's out-of-memory killer also sends" in history


async def test_what_monarq_ended_itself_is_no_crash(redis: Redis, redis_url: str) -> None:
    recorder = Recorder()
    for job in (jobs.grow, jobs.linger):
        await put(redis, job, job_id=job.name)
    worker = await run_burst(redis_url, jobs.ALL, recorder)
    assert "memory limit of 40.0 MB" in str((await result_of(redis, "grow")).value)
    assert "exceeded its timeout" in str((await result_of(redis, "linger")).value)
    assert (worker.counters.failed, worker.counters.crashed) == (2, 0)


@pytest.mark.parametrize("loss", [Cut.REQUEST, Cut.REPLY])
async def test_a_crash_whose_reply_is_lost_is_counted_once(
    proxy: Proxy, redis: Redis, tmp_path: Path, loss: Cut
) -> None:
    recorder = Recorder()
    proxy.lose(loss, b"before the function returned")
    await put(redis, jobs.die_once, str(tmp_path / "ran"), job_id="once")
    async with running(make_worker(proxy.url, jobs.ALL, recorder)):
        assert (await result_of(redis, "once")).value == 1
        await recorder.until("redis_back")
    assert proxy.lost == 1
    assert "ack_refused" not in recorder.events
    assert len(await redis.lrange(QUEUE.history("once"), 0, -1)) == 1
