"""The workloads that the demo is made of, at small size, and the comparison of the two ways."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import pytest
from rich.console import Console

from monarq import Producer
from monarq.examples.cpu import cpu_workload
from monarq.examples.files import files_workload
from monarq.examples.harness.comparison import compare
from monarq.examples.harness.pool import LocalPool
from monarq.examples.harness.rows import seconds, show_reason, summarize
from monarq.examples.harness.workload import OnPart, Workload
from monarq.examples.interface import interface_workload
from monarq.examples.network import network_workload


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=120)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    "make_workload",
    [
        partial(network_workload, 30, 0.02),
        partial(files_workload, 60),
        partial(interface_workload, 10**7),
        partial(cpu_workload, 10**7),
    ],
    ids=["network", "files", "interface", "cpu"],
)
def test_both_ways_come_to_the_same(
    make_workload: Callable[[], AbstractContextManager[Workload]], pool: LocalPool, console: Console
) -> None:
    with make_workload() as work:
        measured = compare(work, pool.url, console)
    assert measured.same
    title, plain, pooled = shown(console).strip().splitlines()
    assert title == f"{work.title} ({work.jobs} jobs)"
    assert plain.split() == ["one", "after", "another", *seconds(measured.plain.seconds).split()]
    assert pooled.split()[:5] == ["with", "the", "pool", *seconds(measured.pool.seconds).split()]
    assert pooled.endswith(f"{measured.times_as_fast:,.1f} times as fast")


def test_requests_wait_at_the_same_time(pool: LocalPool, console: Console) -> None:
    with network_workload(40, 0.05) as work:
        measured = compare(work, pool.url, console)
    assert measured.plain.seconds > 40 * 0.05
    assert measured.times_as_fast > 3


def test_an_interface_waits_as_long_as_work_on_its_own_loop_takes(pool: LocalPool, console: Console) -> None:
    # Long enough for CPU times, which are counted in hundredths of a second.
    with interface_workload() as work:
        measured = compare(work, pool.url, console)
    assert measured.plain.longest_wait_s is not None
    assert measured.plain.effort.computing_s * 0.9 < measured.plain.longest_wait_s < measured.plain.effort.seconds
    assert measured.pool.seconds < measured.pool.effort.seconds


@pytest.mark.parametrize(("plain", "pooled", "right"), [(1, 2, True), (1, 1, False)], ids=["different", "wrong"])
def test_a_wrong_result_is_reported(pool: LocalPool, console: Console, plain: int, pooled: int, right: bool) -> None:
    def here(on_part: OnPart) -> int:
        on_part()
        return plain

    async def by_jobs(producer: Producer, on_part: OnPart) -> int:
        on_part()
        return pooled

    with nullcontext(Workload("odd work", 1, here, by_jobs, lambda _: right)) as work:
        measured = compare(work, pool.url, console)
    assert not measured.same
    show_reason(console, measured, pool.workers)
    assert "The two ways came to DIFFERENT or wrong results." in shown(console)
    assert "DIFFERENT or wrong results: odd work" in summarize([measured])


@pytest.mark.parametrize(
    ("duration_s", "text"), [(0.0034, "3 ms"), (0.0996, "100 ms"), (0.1, "0.10 s"), (61.239, "61.24 s")]
)
def test_a_duration_has_the_digits_that_count(duration_s: float, text: str) -> None:
    assert seconds(duration_s) == text
