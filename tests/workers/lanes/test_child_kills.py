"""The CPU lane's deaths: timeouts, cancels, memory limits, crashes, and the death of the worker itself."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from monarq.workers.lanes import child_process, memory_guard
from monarq.workers.lanes.child_protocol import BROKEN_SOCKET_EXIT
from monarq.workers.lanes.memory_guard import MemoryGuard
from monarq.workers.runs.cpu_errors import CpuJobDied, CpuMemoryExceeded
from tests.support.slowness import patience_s
from tests.workers.lanes.lane_driver import HERE, Driver, alive, call_of, driver, until

__all__ = ["driver"]

MB = 1 << 20


@pytest.fixture(params=["pidfd", "polling"])
def exits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Either way of learning of a child's end: systems without pidfd poll."""
    if request.param == "polling":
        monkeypatch.setattr(child_process, "open_pidfd", lambda _pid: None)


# -- timeout and cancel


@pytest.mark.parametrize("how", ["waits", "ignores", "blocks", "sums", "matches"])
def test_a_timeout_kills_whatever_the_job_does(driver: Driver, how: str) -> None:
    driver.do(driver.lane.start())
    pid = driver.pid
    start_s = time.monotonic()
    with pytest.raises(TimeoutError, match=r"^wait_deaf passed its timeout of 0\.1 s and was killed$"):
        driver.run("wait_deaf", how, timeout_s=0.1)
    assert time.monotonic() - start_s < 5
    until(lambda: not alive(pid))
    assert driver.run("pid") != pid
    assert driver.lane.restarts == 1


def test_a_timeout_takes_what_the_job_started_along(driver: Driver, exits: None, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with pytest.raises(TimeoutError):
        driver.run("wait_with_family", str(pids), timeout_s=1.0)
    family = [int(pid) for pid in pids.read_text().split()]
    assert len(family) == 3
    until(lambda: not any(map(alive, family)))


def test_what_a_dead_job_started_goes_too(driver: Driver, exits: None, tmp_path: Path) -> None:
    driver.run("leave_family", str(tmp_path / "pid"))
    left = int((tmp_path / "pid").read_text())
    assert alive(left)
    with pytest.raises(CpuJobDied, match="exited with code 3"):
        driver.run("die", "exit")
    until(lambda: not alive(left))
    with pytest.raises(CpuJobDied, match="a job closed the socket"):
        driver.run("die", "closes")


def test_cancel_kills_and_the_lane_goes_on(driver: Driver) -> None:
    async def scenario() -> tuple[int, float]:
        await driver.lane.start()
        pid = driver.pid
        job = asyncio.create_task(driver.lane.run(call_of("wait_deaf", "sums"), timeout_s=None))
        await asyncio.sleep(0.05)
        start_s = time.monotonic()
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        return pid, time.monotonic() - start_s

    pid, cancel_s = driver.do(scenario())
    assert cancel_s < 5
    until(lambda: not alive(pid))
    assert driver.run("add", 1, 1) == 2


def test_a_cancelled_call_that_waits_its_turn_harms_nobody(driver: Driver) -> None:
    async def scenario() -> Any:
        await driver.lane.start()
        running = asyncio.create_task(driver.lane.run(call_of("wait", 0.1), timeout_s=None))
        waiting = asyncio.create_task(driver.lane.run(call_of("pid"), timeout_s=None))
        await asyncio.sleep(0.02)
        waiting.cancel()
        return await asyncio.gather(running, waiting, return_exceptions=True)

    running, waiting = driver.do(scenario())
    assert running is None
    assert isinstance(waiting, asyncio.CancelledError)
    assert driver.lane.restarts == 0


# -- death


@pytest.mark.parametrize(
    ("how", "exit_code", "signal_name", "text"),
    [
        ("exit", 3, None, "exited with code 3 before the function returned"),
        ("segv", None, "SIGSEGV", "was killed by SIGSEGV"),
        ("null", None, "SIGSEGV", "was killed by SIGSEGV"),
        ("kill", None, "SIGKILL", "was killed by SIGKILL, which is also how the kernel's out-of-memory killer"),
        ("closes", None, "SIGKILL", "a job closed the socket"),
        ("closes and returns", BROKEN_SOCKET_EXIT, None, "a job closed the socket"),
        ("scribbles", None, "SIGKILL", "a job wrote into the socket"),
    ],
)
def test_a_death_is_told_and_survived(
    driver: Driver,
    how: str,
    exit_code: int | None,
    signal_name: str | None,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if how == "closes and returns":
        monkeypatch.setattr(child_process, "SILENT_LIMIT_S", 10.0)  # it has its time to end by itself
    start_s = time.monotonic()
    with pytest.raises(CpuJobDied, match=r"^die died: ") as caught:
        driver.run("die", how)
    assert time.monotonic() - start_s < 5
    assert text in str(caught.value)
    assert (caught.value.exit_code, caught.value.signal_name) == (exit_code, signal_name)
    assert driver.run("add", 1, 1) == 2
    assert driver.lane.restarts == 1


def test_an_answer_given_before_the_death_counts(driver: Driver) -> None:
    async def scenario() -> Any:
        await driver.lane.start()
        answer = bytes(150_000)
        job = asyncio.create_task(driver.lane.run(call_of("answer_and_die", answer), timeout_s=5))
        await asyncio.sleep(0.02)
        # The loop stands still, and then finds the answer, of which it reads a part, and the death.
        time.sleep(0.2)
        return await job == answer

    assert driver.do(scenario())


def test_a_death_tells_its_peak_memory(driver: Driver) -> None:
    driver.run("hog", 400 * MB)
    with pytest.raises(CpuJobDied) as caught:
        driver.run("die", "exit")
    assert 400 * MB < (caught.value.peak_memory_bytes or 0) < 500 * MB
    assert "(peak memory 4" in str(caught.value)


def test_an_answer_is_never_written_into_a_users_file(driver: Driver, tmp_path: Path) -> None:
    with pytest.raises(CpuJobDied):
        driver.run("close_and_open", str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == b""


# -- memory


def test_a_slow_leak_is_stopped_near_its_limit(driver: Driver, exits: None) -> None:
    with pytest.raises(CpuMemoryExceeded, match=r"^grow died: it passed its memory limit of 64\.0 MB \(\d+") as caught:
        driver.run("grow", 1 * MB, 0.01, memory_bytes=64 * MB)
    assert 64 * MB < caught.value.seen_bytes < 110 * MB
    assert (caught.value.limit_bytes, caught.value.signal_name) == (64 * MB, "SIGKILL")


def test_one_fast_allocation_is_stopped_in_the_middle(driver: Driver) -> None:
    driver.make(default_memory_bytes=100 * MB)
    with pytest.raises(CpuMemoryExceeded) as caught:
        driver.run("hog", 2000 * MB)
    assert (caught.value.peak_memory_bytes or 0) < 600 * MB
    assert driver.run("hog", 20 * MB) == 20 * MB
    assert driver.run("hog", 200 * MB, memory_bytes=1000 * MB) == 200 * MB, "a call's own limit counts"


def test_a_job_does_not_pay_for_what_earlier_ones_kept(driver: Driver) -> None:
    pid = driver.run("keep", 90 * MB)
    assert driver.run("pid", memory_bytes=200 * MB) == pid
    assert driver.run("pid", memory_bytes=80 * MB) != pid
    assert driver.lane.restarts == 1


def test_a_limit_that_no_child_fits_fails_the_job(driver: Driver) -> None:
    for _ in range(2):
        with pytest.raises(CpuMemoryExceeded):
            driver.run("pid", memory_bytes=1 * MB)
    assert driver.run("add", 1, 1) == 2


@pytest.mark.parametrize(("seen_bytes", "least", "most"), [(0, 2, 9), (990 * MB, 12, 400)])
def test_the_guard_looks_more_often_near_the_limit(
    monkeypatch: pytest.MonkeyPatch, seen_bytes: int, least: int, most: int
) -> None:
    looks: list[int] = []
    monkeypatch.setattr(memory_guard, "read_resident_bytes", lambda pid: looks.append(pid) or seen_bytes)

    async def scenario() -> None:
        guard = MemoryGuard(pid=1, limit_bytes=1000 * MB, on_excess=pytest.fail)
        guard.start()
        await asyncio.sleep(0.4)
        guard.stop()
        await asyncio.sleep(0.06)

    asyncio.run(scenario())
    assert least <= len(looks) <= most


# -- the worker's death

WORKER = """
import asyncio, os, sys, time, uvloop
from monarq.workers.lanes.child_protocol import CpuCall
from monarq.workers.lanes.cpu_lane import CpuLane

async def main():
    lane = CpuLane(sys_path=[sys.argv[1]])
    await lane.start()
    if sys.argv[3] == "forked" and not os.fork():
        time.sleep(1)
        os._exit(0)
    print(lane.pid, flush=True)
    if sys.argv[3] == "busy":
        await lane.run(CpuCall("cpu_jobs", "wait_with_family", (sys.argv[2],), {}, None), timeout_s=None)
    await asyncio.sleep(60)

asyncio.Runner(loop_factory=uvloop.new_event_loop).run(main())
"""


@pytest.mark.parametrize("state", ["busy", "idle", "forked"])
def test_the_child_dies_with_its_worker(state: str, tmp_path: Path) -> None:
    """Busy: in a call that holds the GIL, with a family. Forked: a fork of the worker lives on with all its files."""
    pids = tmp_path / "pids"
    command = [sys.executable, "-c", WORKER, HERE, str(pids), state]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        try:
            assert worker.stdout is not None
            family = [int(worker.stdout.readline())]
            if state == "busy":
                until(pids.exists)
                family = [int(pid) for pid in pids.read_text().split()]
            assert all(map(alive, family))
        finally:
            worker.kill()
        until(lambda: not any(map(alive, family)))


def test_the_lifeline_works_without_the_kernels_help(tmp_path: Path) -> None:
    code = (
        "import sys, threading, time, subprocess\n"
        "from monarq.workers.lanes.cpu_child.process_setup import watch_lifeline\n"
        "threading.Thread(target=watch_lifeline, args=(int(sys.argv[1]),)).start()\n"
        "print(subprocess.Popen(['sleep', '64']).pid, flush=True); time.sleep(60)"
    )
    ours, theirs = os.pipe()[::-1]
    command = [sys.executable, "-c", code, str(theirs)]
    with subprocess.Popen(
        command, pass_fds=[theirs], start_new_session=True, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        started = int(child.stdout.readline())
        os.close(theirs)
        os.close(ours)
        assert child.wait(5) == -9
    until(lambda: not alive(started))


def test_a_child_whose_worker_is_gone_at_its_start_ends() -> None:
    ours, theirs = os.pipe()[::-1]
    command = [sys.executable, "-m", "monarq.workers.lanes.cpu_child", str(theirs), str(theirs), str(theirs), "1"]
    ended = subprocess.run(command, pass_fds=[theirs], start_new_session=True, timeout=patience_s(10), check=False)
    os.close(ours)
    os.close(theirs)
    assert ended.returncode == 1
