"""Memory limits: a job that passes its own is killed, and no job pays for what earlier ones kept."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from monarq.workers.lanes import memory_guard
from monarq.workers.lanes.memory_guard import FILL_BYTES_PER_S, MAX_PAUSE_S, MIN_PAUSE_S, MemoryGuard
from monarq.workers.runs.cpu_errors import CpuMemoryExceeded
from tests.workers.lanes.lane_driver import Driver

MB = 1 << 20


def test_a_slow_leak_is_stopped_near_its_limit(driver: Driver, exits: None) -> None:
    with pytest.raises(
        CpuMemoryExceeded, match=r"^grow died: it exceeded its memory limit of 64\.0 MB \(\d+"
    ) as caught:
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


class PausesKept(asyncio.SelectorEventLoop):
    """Keeps the pauses it is asked for, which do not depend on how busy the machine is."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses_s: list[float] = []

    def call_later(self, delay: float, *args: Any, **options: Any) -> asyncio.TimerHandle:
        self.pauses_s.append(delay)
        return super().call_later(delay, *args, **options)


@pytest.mark.parametrize(
    ("seen_bytes", "pause_s"), [(0, MAX_PAUSE_S), (840 * MB, 160 * MB / FILL_BYTES_PER_S), (990 * MB, MIN_PAUSE_S)]
)
def test_the_guard_looks_more_often_near_the_limit(
    monkeypatch: pytest.MonkeyPatch, seen_bytes: int, pause_s: float
) -> None:
    looks: list[int] = []
    monkeypatch.setattr(memory_guard, "read_resident_bytes", lambda pid: looks.append(pid) or seen_bytes)
    with asyncio.Runner(loop_factory=PausesKept) as runner:
        loop = cast("PausesKept", runner.get_loop())

        async def scenario() -> None:
            guard = MemoryGuard(pid=1, limit_bytes=1000 * MB, on_excess=pytest.fail)
            guard.start()
            while len(looks) < 5:
                await asyncio.sleep(0)
            assert loop.pauses_s == pytest.approx([pause_s] * 5)
            guard.stop()
            await asyncio.sleep(MAX_PAUSE_S)
            assert len(looks) == 5

        runner.run(scenario())
