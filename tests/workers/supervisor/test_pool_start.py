"""The start of a pool: how many workers it has, and how it ends where the user's code keeps them from starting."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from tests.support.slowness import patience_s
from tests.workers.support.supervisor_process import running_supervisor


@pytest.mark.parametrize(("target", "workers"), [("arq", 1), ("serve", 3)])
async def test_one_worker_is_enough_by_arqs_settings(target: str, workers: int) -> None:
    async with running_supervisor(target, workers=3, auto_size=True) as pool:
        await pool.runs(workers)
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0
    assert pool.count(": is up") == workers
    assert pool.count(f"starting {workers} worker") == 1


async def test_several_workers_are_started_for_arqs_settings_where_they_are_asked_for() -> None:
    async with running_supervisor("arq", workers=2) as pool:
        await pool.runs(2)
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0


@pytest.mark.parametrize("recycle_limits", [{}, {"jobs": 3}])
async def test_of_arqs_settings_no_two_workers_run_while_one_is_replaced(recycle_limits: dict[str, int]) -> None:
    """Both want the same port, and each runs as many jobs as the settings say."""
    async with running_supervisor("arq", workers=2, auto_size=True, recycle_limits=recycle_limits) as pool:
        first = await pool.runs()
        if not recycle_limits:
            pool.signal(signal.SIGHUP)
        assert await pool.runs() != first
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0
    printed = [line.split(": ")[1] for line in pool.lines if line.endswith((": is up", ": is done"))]
    assert printed == ["is up", "is done"] * (len(printed) // 2)
    assert pool.count("is replaced once it has ended") == (pool.count(": stop claiming$") if recycle_limits else 1)


@pytest.mark.parametrize("auto_size", [True, False])
async def test_a_start_that_raises_in_all_workers_ends_the_pool(auto_size: bool) -> None:
    async with running_supervisor("fail", workers=2, auto_size=auto_size) as pool:
        assert await pool.ends() == 1
    assert pool.count("ERROR the worker could not start: OSError: the port is taken") == 1
    assert pool.count("^OSError: the port is taken") >= 1


async def test_a_start_that_leaves_python_is_a_failed_start_whatever_its_exit_code() -> None:
    async with running_supervisor("quit", workers=1) as pool:
        assert await pool.ends() == 1
    assert pool.count("the worker could not start: SystemExit: 0") == 1


async def test_a_start_that_raises_in_some_workers_is_tried_again() -> None:
    async with running_supervisor("fail-but-first", workers=2) as pool:
        # Not `runs`: the other worker's traceback may stand in the same line.
        await pool.line(r"fake-0 \d+: runs")
        for _ in range(2):
            await pool.line("worker 1 .* could not start; retrying: .*OSError: the port is taken")
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0


async def test_an_end_that_raises_is_in_the_exit_code() -> None:
    async with running_supervisor("fail-at-the-end") as pool:
        await pool.runs()
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 1
    async with running_supervisor("fail-at-the-end-of-a-burst", workers=2) as pool:
        assert await pool.ends() == 1
    assert pool.count(": is up") == pool.count("has ended: burst") == 2


async def test_a_worker_that_is_not_ready_for_long_is_logged() -> None:
    async with running_supervisor("never-ready", limits={"start_timeout_s": 3.0}) as pool:
        await pool.line("WARNING worker 0 .* for 1 s: its program takes long to import .* killed after 3 s")


async def test_a_program_that_does_not_end_its_import_is_named_with_the_line_that_waits(tmp_path: Path) -> None:
    (tmp_path / "slow_app.py").write_text("import json\nimport slow_part\n")
    (tmp_path / "slow_part.py").write_text("import time\n\ntime.sleep(600)\n")
    limits = {"start_timeout_s": patience_s(5.0), "dump_s": 1.0}
    async with running_supervisor("slow_app", limits=limits, fake=False, cwd=tmp_path) as pool:
        place = re.escape(f"slow_part ({tmp_path}/slow_part.py, line 3)")
        await pool.line("WARNING worker 0 .* takes long to import .* move it under if __name__ == '__main__'")
        await pool.line(f"ERROR worker 0 .* has not imported its program within .* and is killed; it is at {place}")
        await pool.line(f"is lost: importing its program took longer than .* s, at {place}")
    assert pool.count("event loop") == 0
