"""Why a pool gained nothing: of real work that cannot gain, and of figures that stand for a machine of another kind."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import time
from collections.abc import Callable
from subprocess import PIPE

import pytest
from rich.console import Console

from monarq import Producer
from monarq.examples.harness.comparison import compare
from monarq.examples.harness.effort import Effort, EffortMeter
from monarq.examples.harness.pool import LocalPool
from monarq.examples.harness.reasons import explain
from monarq.examples.harness.rows import show_reason
from monarq.examples.harness.workload import Comparison, OnPart, Outcome, Workload
from monarq.examples.jobs import add, sleep_ms
from tests.support.slowness import patience_s


async def nothing(producer: Producer, on_part: OnPart) -> object:
    return None


def comparison(plain: Effort, pool: Effort, *, jobs: int = 100, no_wait: str = "") -> Comparison:
    work = Workload("work", jobs, lambda on_part: None, nothing, waits_for="answers", no_wait=no_wait)
    return Comparison(work, Outcome(None, plain), Outcome(None, pool), same=True)


def effort(seconds: float, computing_s: float, *, waits: int = 0, idle_s: float = 0, others_s: float = 0) -> Effort:
    return Effort(seconds, waits, computing_s, idle_s, others_s)


COMPUTING = effort(4, 3.9, idle_s=4)
WAITING = effort(6, 0.1, waits=200, idle_s=12)


@pytest.mark.parametrize(
    ("plain", "pool", "workers", "words"),
    [
        (
            WAITING,
            effort(0.2, 0.1),
            2,
            "It spent 98% of its time waiting for answers; with the pool, many jobs wait at the same time.",
        ),
        (COMPUTING, effort(2.1, 4.0), 2, "It spent 98% of its time computing; the pool computed on 1.9 of 2 cores."),
        (COMPUTING, effort(4.1, 4.0), 1, "there is only one core, so the pool cannot compute any faster. With four"),
        (COMPUTING, effort(3.3, 3.9), 1, "there is only one core"),  # faster by chance
        (COMPUTING, effort(4.0, 4.0, others_s=3.9, idle_s=0.1), 2, "other programs used 1.0 meanwhile"),
        (COMPUTING, effort(4.0, 4.0, others_s=0.1, idle_s=3.9), 2, "its jobs waited for each other"),
        (COMPUTING, effort(3.7, 7.2), 2, "needed 7.2 s of CPU time instead of 3.9 s: these cores are slower when all"),
        (WAITING, effort(6.1, 0.3, idle_s=11.9), 2, "so did the pool: all jobs wait for the same thing"),
        (WAITING, effort(6.1, 11), 2, "the pool spent its time computing"),
    ],
)
def test_the_reason_is_what_was_measured(plain: Effort, pool: Effort, workers: int, words: str) -> None:
    assert words in explain(comparison(plain, pool), workers)


def test_small_parts_are_told_what_being_a_job_costs() -> None:
    measured = comparison(effort(2, 1.9), effort(1.9, 3.7), jobs=1000)
    assert "; being a job adds 1.8 ms to the 1.9 ms of work in it. Larger jobs would be faster." in explain(measured, 2)
    measured = comparison(effort(2, 1.9), effort(3.8, 3.7), jobs=1000)
    assert "compute any faster; being a job adds 1.8 ms to the 1.9 ms of work in it. With four" in explain(measured, 1)


def test_files_that_are_in_memory_are_no_wait() -> None:
    measured = comparison(effort(4, 3.8, waits=3), effort(4, 4), no_wait="its files are in memory")
    assert explain(measured, 1).startswith(
        "It spent 95% of its time computing (its files are in memory), and there is only one"
    )


def test_a_core_that_others_hold_is_no_wait() -> None:
    busy = effort(10, 3.5, waits=4, others_s=15)
    assert explain(comparison(busy, effort(5, 4)), 2).startswith("It spent 100% of its time computing")
    waits = effort(10, 3.5, waits=400, others_s=15)
    assert explain(comparison(waits, effort(5, 4)), 2).startswith("It spent 65% of its time waiting for answers")


def test_an_interface_without_a_core_is_told_who_has_them() -> None:
    work = Workload("interface", 10, lambda on_part: None, nothing)
    pool = Outcome(None, effort(2, 2.8, others_s=1.2), longest_wait_s=0.9)
    measured = Comparison(work, Outcome(None, effort(1, 1), longest_wait_s=1.0), pool, same=True)
    assert "the workers used 1.4 cores, and other programs 0.6" in explain(measured, 2)


def compared(work: Workload, pool: LocalPool) -> str:
    """What is said of a workload that a pool cannot gain by."""
    console = Console(file=io.StringIO(), width=1000)
    measured = compare(work, pool.url, console)
    show_reason(console, measured, pool.workers)
    assert isinstance(console.file, io.StringIO)
    assert measured.times_as_fast < 1.2
    return console.file.getvalue().splitlines()[-1]


def in_turn(part: Callable[[], object], parts: int) -> Callable[[OnPart], object]:
    def do(on_part: OnPart) -> object:
        for _ in range(parts):
            part()
            on_part()
        return parts

    return do


def test_jobs_that_are_too_small_gain_nothing_and_say_so(pool: LocalPool) -> None:
    async def by_jobs(producer: Producer, on_part: OnPart) -> object:
        return len(await producer.map(add, [(1, 1)] * 1000))

    said = compared(Workload("sums", 1000, in_turn(lambda: sum(range(500)), 1000), by_jobs), pool)
    assert re.search("It spent [0-9]+% of its time computing.* (would|could) ", said)


def test_jobs_that_wait_for_the_same_thing_gain_nothing_and_say_so(pool: LocalPool) -> None:
    async def by_jobs(producer: Producer, on_part: OnPart) -> object:
        for _ in range(20):
            await (await producer.enqueue(sleep_ms, 40)).result(timeout=patience_s(60))
        return 20

    said = compared(Workload("turns", 20, in_turn(lambda: time.sleep(0.02), 20), by_jobs, waits_for="its turn"), pool)
    assert re.search("It spent [0-9]+% of its time waiting for its turn, and so did the pool: all jobs wait for", said)


def test_what_a_child_process_computes_is_counted_and_what_others_do_is_not() -> None:
    computing = "import time\nwhile time.process_time() < 0.4: pass\nprint('done', flush=True)\ninput()"
    started = EffortMeter()
    with subprocess.Popen([sys.executable, "-c", computing], stdin=PIPE, stdout=PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"done\n"
        living = started.stop()
        child.communicate(b"\n")
    ended = started.stop()
    # The system counts in hundredths of a second.
    assert 0.35 <= living.computing_s <= ended.computing_s
    assert ended.computing_s < 0.75, "it is counted once"
    assert EffortMeter().stop().computing_s < 0.3
