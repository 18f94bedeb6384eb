"""`monarq demo` as its user runs it: as a process of its own, from the installed package."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pytest

from tests.examples.test_pool import Start

LONGEST_S = 60


@pytest.mark.timeout(LONGEST_S + 20)
def test_the_demo_shows_its_table_and_leaves_nothing(start: Start, tmp_path: Path) -> None:
    started_s = time.monotonic()
    picture = tmp_path / "demo.svg"
    demo = start("-c", LESS, "demo", "--save-svg", str(picture))
    code, out, err = demo.finish(LONGEST_S)

    assert (code, err) == (0, "")
    assert time.monotonic() - started_s < LONGEST_S
    assert demo.leftovers() == []
    assert "Both ways came to the same results, and they are right." in out
    for heading in ("work", "jobs", "one after the other", "with the pool", "times faster"):
        assert heading in out
    times_faster = {row[1]: float(row[2]) for row in re.finditer(r"│ (\w+): .*│ +([\d.]+) │", out)}
    assert list(times_faster) == ["network", "files", "cpu"]
    assert times_faster["network"] > 5

    drawn = picture.read_text()
    assert "times&#160;faster" in drawn
    assert "@font-face" not in drawn
    assert re.findall(r"https?://[^\s\"]+", drawn) == ["http://www.w3.org/2000/svg"]


LESS = """
import functools, sys
import monarq.cli.demo.actions as demo
from monarq.cli import main

assert demo.WORKLOADS == (demo.network_workload, demo.files_workload, demo.cpu_workload)
less = (demo.network_workload, functools.partial(demo.files_workload, 200), functools.partial(demo.cpu_workload, 10**8))
demo.run_demo = functools.partial(demo.run_demo, workloads=less)
main(sys.argv[1:])
"""
"""`monarq demo` with a part of its files and numbers, which take no other road than all of them."""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_demo_that_is_interrupted_leaves_nothing(start: Start, number: signal.Signals, code: int) -> None:
    demo = start("-m", "monarq", "demo")
    demo.read_until("Each kind of work")
    assert len(demo.living()) > 4
    demo.process.send_signal(number)
    assert demo.finish()[0] == code
    assert demo.leftovers() == []


def test_different_results_are_reported_and_end_with_1(start: Start) -> None:
    code, out, _ = start("-c", ODD).finish()
    assert code == 1
    assert "DIFFERENT or wrong results: odd work" in out


ODD = """
import sys
from contextlib import nullcontext
from monarq.cli.demo.actions import run_demo
from monarq.examples.harness.comparison import Workload

async def by_jobs(producer, on_part):
    return 2

sys.exit(run_demo(workloads=[lambda: nullcontext(Workload("odd work", 1, lambda on_part: 1, by_jobs))]))
"""
