"""What a job finds around it in the CPU child: streams, descriptors, environment, modules and signals."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from monarq.workers.lanes.child_protocol import CpuCall
from monarq.workers.runs.cpu_errors import CpuStartError
from tests.workers.lanes.lane_driver import HERE, Driver


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
def test_a_failing_preload_is_reported(
    driver: Driver, module: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "quits_at_import.py").write_text("raise SystemExit(5)")
    monkeypatch.syspath_prepend(tmp_path)
    driver.make(preload=[module])
    for attempt in (driver.lane.start, driver.lane.start):
        with pytest.raises(CpuStartError, match=why):
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
