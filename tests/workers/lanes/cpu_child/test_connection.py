"""A job that misuses what joins the CPU child to its worker: the next one, which has no part in it, runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from monarq.workers.lanes import child_process
from monarq.workers.runs.cpu_errors import CpuJobDied
from tests.support.slowness import patience_s
from tests.workers.lanes.lane_driver import Driver, call_of

HARMLESS = [
    "closes a stream",
    "closes the streams",
    "closes the lifeline",
    "makes them not block",
    "reads what is there",
    "reads for ever",
    "reads a byte",
    "closes later",
    "writes later",
]


def _wait_for(done: Path) -> None:
    """Until it is done, as no other job is to run meanwhile."""
    deadline_s = time.monotonic() + patience_s(10)
    while not done.exists():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


@pytest.mark.parametrize("how", HARMLESS)
def test_the_next_job_runs(driver: Driver, how: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(child_process, "CALL_START_LIMIT_S", 0.3)
    monkeypatch.setenv("DONE_LATER", str(tmp_path / "done"))
    assert driver.run("misuse_descriptors", how) == how, "what it answered before anything was spoiled counts"
    if "later" in how:
        _wait_for(tmp_path / "done")
    for number in range(3):
        assert driver.run("add", number, 1) == number + 1
    assert driver.run("chatter") == ""


def test_the_next_job_runs_though_the_spoiled_child_waits(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop has not heard of anything yet when the next job comes."""
    monkeypatch.setattr(child_process, "CALL_START_LIMIT_S", 0.3)

    async def scenario(how: str) -> Any:
        await driver.lane.run(call_of("misuse_descriptors", how), timeout_s=10)
        return await driver.lane.run(call_of("add", 1, 1), timeout_s=30)

    for how in HARMLESS[:7]:
        assert driver.do(scenario(how)) == 2, how


def test_a_byte_in_the_socket_is_found_at_once(driver: Driver) -> None:
    with pytest.raises(CpuJobDied, match="a job wrote into the socket") as caught:
        driver.run("misuse_descriptors", "writes a bit")
    assert caught.value.is_crash
    assert driver.run("add", 1, 1) == 2


def test_what_was_sent_is_not_held_while_the_job_runs(driver: Driver) -> None:
    resident_bytes = driver.run("resident_bytes", bytes(100 << 20))
    assert 100 << 20 < resident_bytes < 180 << 20
    assert driver.do(held_by_the_worker(driver, bytes(10 << 20))) == 0


async def held_by_the_worker(driver: Driver, value: bytes) -> int:
    """How much of a call is still there to be sent when its job runs."""
    seen: list[int] = []

    def look(_message: object) -> None:
        child = driver.lane._child
        assert child is not None
        seen.append(len(child._outgoing.obj))

    await driver.lane.run(call_of("report_with", value), timeout_s=10, on_message=look)
    return seen[0]
