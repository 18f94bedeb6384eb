"""`monarq demo` as its user runs it: as a process of its own, from the installed package."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest

from monarq.workers.system.cores import usable_cores
from tests.examples.test_pool import Start
from tests.support.slowness import patience_s

LONGEST_S = 60


WORDS = ("network", "files", "interface", "cpu")


@pytest.mark.timeout(LONGEST_S + 20)
def test_the_demo_shows_each_row_and_leaves_nothing(start: Start, tmp_path: Path) -> None:
    started_s = time.monotonic()
    picture = tmp_path / "demo.svg"
    demo = start("-c", LESS, "demo", "--save-svg", str(picture))
    code, out, err = demo.finish(LONGEST_S)

    assert (code, err) == (0, "")
    assert time.monotonic() - started_s < patience_s(LONGEST_S)
    assert demo.leftovers() == []
    assert re.match(r"monarq \S+ on Python \S+\nRedis, for the time of the demo: \S*(redis|valkey)\S* [\d.]+ ", out)
    assert f"\nWorkers: {usable_cores()}, one for each core" in out
    assert "\nBoth ways came to the same results, and they are right.\n" in out
    rows = list(ROW.finditer(out))
    assert [row["kind"] for row in rows] == list(WORDS)
    assert float(rows[0]["factor"]) > 5
    assert all(row["reason"].endswith(".\n") for row in rows)

    drawn = picture.read_text()
    assert all(f"{word}:" in drawn for word in WORDS)
    assert "times&#160;as&#160;fast" in drawn
    assert "@font-face" not in drawn
    assert re.findall(r"https?://[^\s\"]+", drawn) == ["http://www.w3.org/2000/svg"]


ROW = re.compile(
    r"""\n(?P<kind>\w+):.*\ \([\d,]+\ jobs\)
\ \ one\ after\ another\ +[\d.]+\ m?s
\ \ with\ the\ pool\ +[\d.]+\ m?s\ +(?P<factor>[\d.,]+)\ times\ as\ fast
(?P<reason>(\ \ .+\n)+)"""
)


@pytest.mark.timeout(LONGEST_S + 20)
def test_on_one_core_the_rows_that_compute_say_that_they_cannot_gain(start: Start) -> None:
    code, out, err = start(
        "-c", f"import os; os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}})\n{LESS}", "demo"
    ).finish(LONGEST_S)
    assert (code, err) == (0, "")
    assert "\nWorkers: 1, one for each core" in out
    if (there := os.cpu_count() or 1) > 1:
        assert f" that may be used here; the machine has {there}\n" in out
    reasons = {row["kind"]: " ".join(row["reason"].split()) for row in ROW.finditer(out)}
    assert "many jobs wait at the same time" in reasons["network"]
    for kind in ("files", "cpu"):
        assert "there is only one core, so the pool cannot compute any faster" in reasons[kind]
        assert "With four cores it could be up to four times as fast." in reasons[kind]
    assert "computing (its files are in memory)" in reasons["files"]


def test_a_row_is_shown_when_it_is_done(start: Start) -> None:
    demo = start("-m", "monarq", "demo")
    demo.read_until("one after another  ")
    assert demo.process.poll() is None


LESS = """
import functools, sys
import monarq.cli.demo.actions as demo
from monarq.cli import main

assert demo.WORKLOADS == (demo.network_workload, demo.files_workload, demo.interface_workload, demo.cpu_workload)
less = (
    demo.network_workload,
    functools.partial(demo.files_workload, 200),
    functools.partial(demo.interface_workload, 10**7),
    functools.partial(demo.cpu_workload, 10**8),
)
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
from monarq.examples.harness.workload import Workload

async def by_jobs(producer, on_part):
    return 2

sys.exit(run_demo(workloads=[lambda: nullcontext(Workload("odd work", 1, lambda on_part: 1, by_jobs))]))
"""
