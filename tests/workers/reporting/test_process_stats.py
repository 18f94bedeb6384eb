"""The process statistics of a worker: processor time and memory, with the child's, and the lag of the event loop."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import psutil
import pytest

from monarq.workers.reporting import process_stats
from monarq.workers.reporting.process_stats import LoopLag, ProcessSampler


async def test_a_blocked_loop_is_seen_by_each_reader_once() -> None:
    lag = LoopLag()
    lag.start()
    await asyncio.sleep(0.25)
    time.sleep(0.4)
    await asyncio.sleep(0.15)
    assert 0.25 <= lag.take("record") < 10
    assert 0.25 <= lag.take("heartbeat") < 10
    assert lag.take("heartbeat") < 0.2
    lag.stop()
    assert lag.take("heartbeat") <= 0


async def test_a_loop_that_hangs_now_is_seen_from_another_thread() -> None:
    lag = LoopLag()
    lag.start()
    asker = asyncio.get_running_loop().run_in_executor(None, lambda: (time.sleep(0.5), lag.take("record"))[1])
    time.sleep(1)
    assert await asker >= 0.3
    lag.stop()


def test_the_child_is_measured_with_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_stats, "MIN_INTERVAL_S", 0.0)
    child = subprocess.Popen(
        [sys.executable, "-c", "x = b'x' * 50_000_000\nprint(flush=True)\nwhile True: pass"], stdout=-1
    )
    try:
        assert child.stdout is not None
        child.stdout.readline()
        sampler = ProcessSampler()
        alone = sampler.sample()
        sampler._child_pid = lambda: child.pid
        sampler.sample()
        until_s = psutil.Process(child.pid).cpu_times().user + 0.3
        while psutil.Process(child.pid).cpu_times().user < until_s:
            time.sleep(0.02)
        both = sampler.sample()
        assert both.memory_bytes > alone.memory_bytes + 45_000_000
        assert both.cpu_percent > 5
    finally:
        child.kill()
        child.communicate()
    assert sampler.sample().memory_bytes < both.memory_bytes - 45_000_000
