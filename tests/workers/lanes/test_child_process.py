"""How CPU children come and go: started, stopped, replaced, and found dead."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from monarq.workers.lanes import child_process
from monarq.workers.lanes.cpu_lane import CpuLane
from monarq.workers.runs.cpu_errors import CpuJobDied, CpuLaneError
from tests.support.slowness import patience_s
from tests.workers.lanes.lane_driver import Driver, alive, call_of, until


def test_start_and_stop_may_be_repeated(driver: Driver) -> None:
    driver.stop()
    driver.do(driver.lane.stop())
    with pytest.raises(CpuLaneError, match="stopped: call start"):
        driver.run("pid")
    driver.do(driver.lane.start())
    pid = driver.pid
    driver.do(driver.lane.start())
    assert driver.run("pid") == pid
    driver.do(driver.lane.stop())
    assert driver.lane.pid is None
    assert not alive(pid)
    driver.do(driver.lane.stop())
    driver.do(driver.lane.start())
    assert driver.run("pid") != pid


def test_stop_ends_a_running_job(driver: Driver) -> None:
    async def scenario() -> int:
        await driver.lane.start()
        pid = driver.pid
        jobs = [asyncio.create_task(driver.lane.run(call_of("wait"), timeout_s=None)) for _ in range(2)]
        await asyncio.sleep(0.05)
        await driver.lane.stop()
        running, waiting = await asyncio.gather(*jobs, return_exceptions=True)
        assert isinstance(running, CpuJobDied)
        assert "the CPU lane was stopped" in str(running)
        assert isinstance(waiting, CpuLaneError)
        return pid

    assert not alive(driver.do(scenario()))


def test_stop_is_silent_about_the_child_it_interrupts(driver: Driver) -> None:
    told: list[dict[str, Any]] = []

    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        with pytest.raises(CpuJobDied):
            await driver.lane.run(call_of("die", "exit"), timeout_s=5)
        await asyncio.sleep(0.005)
        assert driver.lane.pid is None
        await driver.lane.stop()
        gc.collect()

    driver.do(scenario())
    assert told == []


def test_stop_while_the_child_starts(driver: Driver) -> None:
    async def scenario() -> None:
        for pause_s in (0, 0, 0.005):
            driver.lane._stopped = False
            job = asyncio.create_task(driver.lane.run(call_of("pid"), timeout_s=5))
            await asyncio.sleep(pause_s)
            await driver.lane.stop()
            with pytest.raises(CpuLaneError, match="stopped"):
                await job
            assert all(child.exit_status is not None for child in driver.lane._children)

    driver.do(scenario())


def test_a_child_is_replaced_after_its_share_of_jobs(driver: Driver, tmp_path: Path) -> None:
    driver.make(max_jobs_per_child=3)
    driver.run("write_at_exit", str(tmp_path / "exit"))
    pids = [driver.run("pid") for _ in range(8)]
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [2, 3, 3]
    assert driver.lane.pid is None
    # Nobody asks for the fourth, and still it comes.
    until(lambda: driver.do(asyncio.sleep(0.01)) or driver.lane.pid)
    assert driver.lane.restarts == 3
    until(lambda: driver.do(asyncio.sleep(0.01)) or not any(map(alive, pids)))
    assert (tmp_path / "exit").read_text() == "ran"


def test_a_retired_child_that_lingers_is_killed(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "RETIRE_LIMIT_S", 0.2)
    driver.run("linger_at_exit")
    pid = driver.pid
    start_s = time.monotonic()
    driver.stop()
    assert 0.2 <= time.monotonic() - start_s < patience_s(10)
    assert not alive(pid)


def kill_and_see(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    until(lambda: not alive(pid))


def test_an_idle_death_goes_unnoticed(driver: Driver) -> None:
    async def scenario() -> None:
        for _ in range(5):
            await driver.lane.start()
            # And then at once: the loop has not heard of the death yet.
            kill_and_see(driver.pid)
            assert await driver.lane.run(call_of("add", 1, 1), timeout_s=5) == 2

    driver.do(scenario())
    assert driver.lane.restarts == 5


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_nothing_is_left_of_many_children(driver: Driver) -> None:
    driver.do(driver.lane.start())
    before = open_descriptors()
    for _ in range(5):
        with pytest.raises(CpuJobDied):
            driver.run("die", "exit")
    driver.do(driver.lane.start())
    assert open_descriptors() == before
    driver.stop()
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    assert not [pid for pid in children if not alive(int(pid))], "no zombies"


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="max_jobs_per_child"):
        CpuLane(max_jobs_per_child=0)
