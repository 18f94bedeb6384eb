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
from monarq.examples.harness.comparison import Comparison, OnPart, Workload, compare, summarize, tabulate
from monarq.examples.harness.pool import LocalPool
from monarq.examples.network import network_workload


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=120)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    "make_workload",
    [partial(network_workload, 30, 0.02), partial(files_workload, 60), partial(cpu_workload, 10**7)],
    ids=["network", "files", "cpu"],
)
def test_both_ways_come_to_the_same(
    make_workload: Callable[[], AbstractContextManager[Workload]], pool: LocalPool, console: Console
) -> None:
    with make_workload() as work:
        measured = compare(work, pool.url, console)
    assert measured.same
    assert measured.jobs == work.jobs
    assert f"{work.title}, one after the other: {work.jobs} in {measured.plain_s:.2f} s" in shown(console)
    assert f"{work.title}, with the pool: {work.jobs} in {measured.pool_s:.2f} s" in shown(console)


def test_requests_wait_at_the_same_time(pool: LocalPool, console: Console) -> None:
    with network_workload(40, 0.05) as work:
        measured = compare(work, pool.url, console)
    assert measured.plain_s > 40 * 0.05
    assert measured.times_faster > 3


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
    assert "DIFFERENT or wrong results: odd work" in str(summarize([measured]))


def test_the_figures_are_in_a_table(console: Console) -> None:
    measured = [Comparison("some work", 1234, 6.0, 2.0, same=True)]
    console.print(tabulate(measured), summarize(measured))
    row = next(line for line in shown(console).splitlines() if "some work" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == ["some work", "1,234", "6.00 s", "2.00 s", "3.0"]
    assert "the same results" in shown(console)
