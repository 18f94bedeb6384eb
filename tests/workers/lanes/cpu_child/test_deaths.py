"""The CPU child's deaths: by timeouts, cancels and crashes."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from monarq.workers.lanes import child_process
from monarq.workers.lanes.child_protocol import BROKEN_SOCKET_EXIT
from monarq.workers.runs.cpu_errors import CpuJobDied
from monarq.workers.system.memory import own_peak_bytes
from tests.support.slowness import patience_s
from tests.workers.lanes.lane_driver import Driver, alive, call_of, until

MB = 1 << 20


# -- timeout and cancel


@pytest.mark.parametrize("how", ["waits", "ignores", "blocks", "sums", "matches"])
def test_a_timeout_kills_whatever_the_job_does(driver: Driver, how: str) -> None:
    driver.do(driver.lane.start())
    pid = driver.pid
    start_s = time.monotonic()
    with pytest.raises(TimeoutError, match=r"^wait_deaf exceeded its timeout of 0\.1 s and was killed$"):
        driver.run("wait_deaf", how, timeout_s=0.1)
    assert time.monotonic() - start_s < patience_s(5)
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
    assert cancel_s < patience_s(5)
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
        ("kill", None, "SIGKILL", "was killed by SIGKILL, which the kernel's out-of-memory killer also sends"),
        ("closes", None, "SIGKILL", "a job closed the socket"),
        ("closes and returns", BROKEN_SOCKET_EXIT, None, "a job closed the socket"),
        ("scribbles", None, "SIGKILL", "a job wrote into the socket"),
    ],
)
def test_a_death_is_reported_and_survived(
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
    assert time.monotonic() - start_s < patience_s(5)
    assert text in str(caught.value)
    assert (caught.value.exit_code, caught.value.signal_name) == (exit_code, signal_name)
    assert driver.run("add", 1, 1) == 2
    assert driver.lane.restarts == 1


def test_an_answer_given_before_the_death_counts(driver: Driver, tmp_path: Path) -> None:
    running = tmp_path / "running"

    async def scenario() -> Any:
        await driver.lane.start()
        answer = bytes(150_000)
        call = call_of("answer_and_die", answer, str(running))
        job = asyncio.create_task(driver.lane.run(call, timeout_s=60))
        while not running.exists():
            await asyncio.sleep(0.001)
        # The loop stands still, and then finds the answer, of which it reads a part, and the death.
        running.unlink()
        until(lambda: not alive(driver.pid))
        return await job == answer

    assert driver.do(scenario())


def test_a_death_reports_its_peak_memory(driver: Driver) -> None:
    driver.run("hog", 400 * MB)
    with pytest.raises(CpuJobDied) as caught:
        driver.run("die", "exit")
    peak = caught.value.peak_memory_bytes or 0
    assert peak > 400 * MB
    # The kernel lets a child begin with its parent's peak: no more than a bound is known where that was as high.
    bound = "at most " if peak <= own_peak_bytes() else ""
    assert f"(peak memory {bound}{peak / 2**20:.1f} MB)" in str(caught.value)


def test_an_answer_is_never_written_into_a_users_file(driver: Driver, tmp_path: Path) -> None:
    with pytest.raises(CpuJobDied):
        driver.run("close_and_open", str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == b""
