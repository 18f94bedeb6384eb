"""The CPU lane's child: what a job finds around it, how children come and go."""

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
from monarq.workers.lanes.child_protocol import CpuCall
from monarq.workers.lanes.cpu_lane import CpuLane
from monarq.workers.runs.cpu_errors import CpuJobDied, CpuLaneError, CpuStartError
from tests.workers.lanes.lane_driver import HERE, Driver, alive, call_of, until

# -- surroundings


def test_printing_does_not_disturb(
    driver: Driver, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    driver.run("chatter")
    driver.do(driver.lane.run(CpuCall("sys", "stdout.write", ("said without a flush",), {}, None), timeout_s=5))
    out, err = capfd.readouterr()
    assert "to stdout\nfrom a shell" in out
    assert "said without a flush" in out
    assert "to stderr" in err
    driver.do(driver.lane.run(CpuCall("sys", "stdout.close", (), {}, None), timeout_s=5))
    assert driver.run("add", 1, 1) == 2


def test_a_job_cannot_read_the_workers_stdin(driver: Driver) -> None:
    theirs, ours = os.pipe()
    os.write(ours, b"typed")
    os.close(ours)
    before = os.dup(0)
    os.dup2(theirs, 0)
    try:
        assert driver.run("chatter") == ""
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(theirs)


def test_a_job_finds_the_workers_surroundings(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.syspath_prepend("/first/in/line")
    found = driver.run("surroundings")
    assert found["path"][:2] == [HERE, "/first/in/line"]
    assert found["PYTHONPATH"] == "/somewhere"
    assert found["argv"] == []
    assert found["sid"] == driver.pid, "a session of its own: Ctrl-C does not reach it"
    assert len(found["fds"]) == 7, "stdio, socket, lifeline, shared memory, the listing itself: nothing of the worker's"
    assert len(driver.run("descriptors_of_program")) == 4, "nor does the lane leave any to programs"
    assert found["oom"] >= min(1000, int(Path("/proc/self/oom_score_adj").read_text()) + 1)


def is_loaded(driver: Driver, module: str) -> bool:
    call = CpuCall("sys", "modules.__contains__", (module,), {}, None)
    loaded: bool = driver.do(driver.lane.run(call, timeout_s=5))
    return loaded


def test_the_child_starts_light(driver: Driver) -> None:
    driver.do(driver.lane.start())
    heavy = CpuCall("sys", "modules.__contains__", ("asyncio",), {}, None)
    for name in ("redis", "arq", "uvloop", "asyncio", "socket", "subprocess", "traceback"):
        assert (
            driver.do(driver.lane.run(CpuCall(heavy.module, heavy.qualname, (name,), {}, None), timeout_s=5)) is False
        )


def test_modules_are_preloaded(driver: Driver) -> None:
    driver.make(preload=["wave", "cpu_jobs"])
    driver.do(driver.lane.start())
    assert is_loaded(driver, "wave")
    assert is_loaded(driver, "cpu_jobs")


@pytest.mark.parametrize(
    ("module", "why"), [("no_such_module", "ModuleNotFoundError"), ("quits_at_import", "SystemExit: 5")]
)
def test_a_failing_preload_is_told(
    driver: Driver, module: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "quits_at_import.py").write_text("raise SystemExit(5)")
    monkeypatch.syspath_prepend(tmp_path)
    driver.make(preload=[module])
    for attempt in (driver.lane.start, driver.lane.start):
        with pytest.raises(CpuStartError, match=f"(?s)preload failed.*{why}"):
            driver.do(attempt())
    assert driver.lane.pid is None


def test_stop_signals_do_nothing_to_the_child(driver: Driver) -> None:
    assert driver.run("hit_by_service_manager") == "alive"
    os.kill(driver.pid, signal.SIGTERM)
    assert driver.run("pid") == driver.pid
    assert driver.lane.restarts == 0


def test_what_a_job_starts_has_default_signals(driver: Driver) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    try:
        masks = driver.run("signal_masks_of_program")
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert int(masks["SigBlk"], 16) == 0
    ignored = int(masks["SigIgn"], 16)
    assert not ignored & (1 << (signal.SIGTERM - 1) | 1 << (signal.SIGINT - 1) | 1 << (signal.SIGPIPE - 1))
    assert driver.run("terminate_fork") == -signal.SIGTERM


def test_a_fork_that_comes_back_does_not_answer(driver: Driver) -> None:
    for _ in range(3):
        assert driver.run("fork_and_return") == driver.pid
    assert driver.lane.restarts == 0


# -- coming and going


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
    assert 0.2 <= time.monotonic() - start_s < 10
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
