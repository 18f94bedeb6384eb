"""An id can be copied from whatever lists it: it is never broken over lines."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from monarq.cli.dead.view import render_list
from monarq.cli.jobs.view import render_rows
from monarq.cli.workers.actions import render_jobs
from monarq.monitor.jobs.listing import JobRow
from monarq.monitor.queues.workers import RunningJob, WorkerStats
from tests.cli.overviews import letter
from tests.support.queues import ARQ_QUEUE, arq_queue

IDS = ["0d39c2b2f0c04c0b9f5ab2b1b9d3f1a7", "invoice-of-2026-11-27-for-customer-4711", "7"]
QUEUE = "a-queue-of-a-long-name"
QUEUES = [ARQ_QUEUE, arq_queue(QUEUE)]
NAME = "orders.tasks.send_invoice_by_mail"
ERROR = "ValueError: the invoice has no address, and nobody knows where it is to go to"
JOBS_WORKER = "web-1.example.com:18204:5e0b8c3a"
WORKER = WorkerStats("w", "web-1.example.com", 18204)


def jobs_list(width: int) -> RenderableType:
    rows = [JobRow(each.encode(), each, QUEUE, "arq", "failed", NAME, error=ERROR, tries=3) for each in IDS]
    rows.append(JobRow(b"8", "8", QUEUE, "arq", "running", NAME, worker=JOBS_WORKER, started_ms=1))
    return render_rows(rows, QUEUES, width=width)


def dead_list(width: int) -> RenderableType:
    letters = [replace(letter(NAME, ERROR), job_id=each, queue=QUEUE) for each in IDS]
    return render_list(letters, QUEUES, width=width)


def running_jobs(width: int) -> RenderableType:
    running = tuple(RunningJob(each, NAME, QUEUE, 1, 75.0) for each in IDS)
    return render_jobs([replace(WORKER, running=3, running_jobs=running)], width=width)


@pytest.mark.parametrize("width", [40, 50, 60, 72, 80, 100, 120, 200])
@pytest.mark.parametrize("listed", [jobs_list, dead_list, running_jobs])
def test_an_id_is_whole_on_one_line(listed: object, width: int) -> None:
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False)
    console.print(listed(width))  # type: ignore[operator]
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    for each in [*IDS, *([JOBS_WORKER] if listed is jobs_list else [])]:
        assert any(each in line.split() for line in lines), each


@pytest.mark.parametrize("listed", [jobs_list, dead_list])
def test_an_id_that_is_longer_than_the_line_has_all_of_it(listed: object) -> None:
    console = Console(file=io.StringIO(), width=30, highlight=False, markup=False)
    console.print(listed(30))  # type: ignore[operator]
    assert isinstance(console.file, io.StringIO)
    assert "invoice-of-2026-11-27-for-cus…" in console.file.getvalue().splitlines()


@pytest.mark.parametrize("listed", [jobs_list, dead_list])
def test_a_screen_that_is_too_narrow_for_a_table_shows_everything(listed: object) -> None:
    console = Console(file=io.StringIO(), width=40, highlight=False, markup=False)
    console.print(listed(40))  # type: ignore[operator]
    assert isinstance(console.file, io.StringIO)
    everything = "".join(console.file.getvalue().split())
    for said in (NAME, QUEUE, ERROR, "tries"):
        assert everything.count(said.replace(" ", "")) >= len(IDS)
