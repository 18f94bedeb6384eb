"""The CPU child ends with its worker, whatever the worker's death."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.slowness import patience_s
from tests.workers.lanes.lane_driver import HERE, alive, until

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
