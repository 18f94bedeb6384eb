"""What `monarq stats` shows fits its screen, and says the same on each."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from monarq.cli.stats_view import duration, render
from monarq.monitor.stats import QueueStats, WorkerStats

WORKERS = (
    WorkerStats("a", "web-1.example.com", 12345, "0.1.0", 100, 100, 7503.0, 1_234_567, 0, queues=("arq:queue",)),
    WorkerStats("b", "web-2", 7, "0.1.0", 100, 3, 3.21, 12, 4, draining=True, queues=("arq:queue", "emails")),
    WorkerStats("c", "web-3", 8, "0.1.0", 100, 1, 3.21, 12, 4, alive=False, queues=("arq:queue",)),
)


def queue(name: str = "arq:queue", workers: tuple[WorkerStats, ...] = WORKERS) -> QueueStats:
    return QueueStats(
        name, 1_234_567, 89, 200, 3, 98_765_432, 87_654_321, 12, 34, 0, 0, 5, 0, 12_345.6, 75.0, None, workers
    )


def shown(*queues: QueueStats, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False)
    console.print(render(queues, width=width))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [50, 63, 64, 80, 111, 112, 120, 200])
def test_nothing_is_wider_than_the_screen_and_no_number_is_cut(width: int) -> None:
    lines = shown(queue(), width=width)
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    for number in (
        "1,234,567",
        "89",
        "200",
        "87,654,321",
        "12,345.6",
        "1m15s",
        "12345",
        "100/100",
        "2h05m",
        "drains",
        "gone",
    ):
        assert number in text


def test_one_row_a_queue_where_there_is_room() -> None:
    lines = shown(queue(), queue("emails", ()), width=120)
    assert lines[0].split() == [
        *("queue", "queued", "deferred", "running", "dead", "oldest"),
        *("done", "failed", "retried", "crashed", "jobs/s"),
    ]
    assert lines[1].split() == [
        *("arq:queue", "1,234,567", "89", "200", "3", "1m15s"),
        *("87,654,321", "12", "34", "5", "12,345.6"),
    ]
    assert lines[2].startswith("emails")


def test_one_block_a_queue_where_there_is_none() -> None:
    lines = shown(queue(), queue("emails", ()), width=50)
    assert lines[:6] == [
        "arq:queue",
        "  queued    1,234,567  done       87,654,321",
        "  deferred         89  failed             12",
        "  running         200  retried            34",
        "  dead              3  crashed             5",
        "  oldest        1m15s  jobs/s       12,345.6",
    ]
    assert lines[6] == "emails"


def test_a_worker_of_two_queues_is_shown_once() -> None:
    lines = shown(queue(), queue("emails", WORKERS[1:2]), width=120)
    assert len([line for line in lines if line.startswith("web-2")]) == 1
    assert "arq:queue, emails" in "\n".join(lines)


def test_without_workers_it_says_how_to_start_one() -> None:
    assert "monarq worker TARGET" in shown(queue(workers=()), width=50)[-1]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0s"), (9.94, "9.9s"), (59.9, "59s"), (60, "1m00s"), (3599, "59m59s"), (3600, "1h00m"), (90_000, "1d01h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
