"""What `monarq stats` shows fits its screen, and says the same on each."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from monarq.cli.stats.view import Viewport, render
from monarq.cli.terminal.formatting import duration, rate, span, sparkline
from monarq.monitor.health.overview import Overview
from monarq.monitor.queues.counters import Counters
from monarq.monitor.queues.health_key import ArqHealth
from monarq.monitor.queues.stats import WorkerStats
from tests.cli.overviews import WORKERS, letter, overview, quiet

FAILURES = (letter("resize", "ValueError: cat.txt is not an image\x1b[2J\nat all", 2_000), letter("send", "no"))


def shown(*queues: Overview, width: int, height: int | None = None, ascii_only: bool = False) -> list[str]:
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False)
    console.print(render(queues, 900, Viewport(width, height, ascii_only)))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [50, 60, 63, 64, 80, 91, 92, 99, 100, 111, 112, 120, 143, 144, 160, 200])
def test_nothing_is_wider_than_the_screen_and_no_number_is_cut(width: int) -> None:
    lines = shown(overview(failures=FAILURES), width=width)
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    for number in ("1,234,567", "89", "200", "1,346", "1m15s", "999,000", "12345", "100/100", "2h05m", "drains"):
        assert number in text
    for number in ("499ms", "15s", "gone", "falling behind", "cat.txt", "59s"):
        assert number in text
    assert "\x1b" not in text


def test_the_verdict_comes_first() -> None:
    assert shown(quiet(), width=80)[0] == "healthy  1 worker, nothing waits"
    lines = shown(quiet(), overview("emails", workers=()), width=80)
    assert lines[0] == "no worker  emails: 1,234,567 jobs queued and no worker serves the queue"


def test_one_row_a_queue_where_there_is_room() -> None:
    lines = shown(overview(), overview("emails", queued=7, workers=()), width=160)
    assert lines[2].split() == [
        *("queue", "queued", "deferred", "running", "dead", "oldest", "in/s", "out/s", "wait", "p50", "wait", "p95"),
        *("ended,", "last", "5", "min", "failed,", "last", "5", "min"),
    ]
    assert lines[3].split() == [
        *("arq:queue", "1,234,567", "89", "200", "3", "1m15s", "0", "1,346", "6ms", "8ms", "█" * 20, "▂" * 20)
    ]
    assert lines[4].startswith("emails             7")


def test_sparklines_are_below_where_there_is_less_room() -> None:
    lines = shown(overview(), width=100)
    assert lines[3].split()[0] == "arq:queue"
    assert lines[6].split() == ["arq:queue", "█" * 20, "▂" * 20]


def test_one_block_a_queue_where_there_is_none() -> None:
    lines = shown(overview(), overview("emails", paused=True), width=50)
    at = lines.index("arq:queue")
    assert lines[at : at + 8] == [
        "arq:queue",
        "  queued    1,234,567  in/s               0",
        "  deferred         89  out/s          1,346",
        "  running         200  wait p50         6ms",
        "  dead              3  wait p95         8ms",
        "  oldest        1m15s",
        "  ended, last 5 min   " + "█" * 20,
        "  failed, last 5 min  " + "▂" * 20,
    ]
    assert lines[at + 8] == "emails paused"


def test_jobs_by_name_those_that_ran_most_first() -> None:
    lines = shown(overview(), width=160)
    at = next(number for number, line in enumerate(lines) if line.startswith("job, last 15 min"))
    assert lines[at].split()[4:] == [
        *("enqueued", "succeeded", "failed", "cancelled", "retried", "dead", "crashed"),
        *("run", "p50", "run", "p95", "run", "p99", "wait", "p95"),
    ]
    assert lines[at + 1].split() == [
        *("send_email", "1,000,000", "999,000", "1,000", "0", "10", "1,000", "2", "384ms", "499ms", "509ms", "8ms")
    ]
    assert lines[at + 2].split()[0] == "resize"


@pytest.mark.parametrize("width", [40, 60, 64, 80, 100, 160])
@pytest.mark.parametrize("count", [1, 2])
def test_the_head_of_jobs_is_whole_and_says_whose_they_are(width: int, count: int) -> None:
    """Also where the jobs that there is room for are all of one queue."""
    lines = shown(*(overview(name) for name in ("arq:queue", "emails")[:count]), width=width, height=40)
    [head] = [line for line in lines if line.startswith("job, last 15 min")]
    assert "…" not in head
    assert ("queue" in head.split()) is (count > 1 and width > 40)
    assert "succeeded" in head.split()


def test_a_worker_of_two_queues_is_shown_once() -> None:
    lines = shown(overview(), overview("emails", workers=WORKERS[1:2]), width=120)
    assert len([line for line in lines if line.startswith("web-2")]) == 1
    assert "arq:queue, emails" in "\n".join(lines)


def test_without_workers_it_says_how_to_start_one() -> None:
    assert "monarq worker TARGET" in "\n".join(shown(quiet(workers=()), width=50))


def test_the_newest_failures_of_all_queues() -> None:
    lines = shown(overview(failures=FAILURES[1:]), overview("emails", failures=FAILURES[:1]), width=100)
    assert [line.split()[1] for line in lines[-3:-1]] == ["resize", "send"]
    assert lines[-1] == "and 4 more dead letters"
    assert lines[-3].endswith(r"ValueError: cat.txt is not an image\x1b[2J at all")


def test_what_arqs_health_check_shows() -> None:
    assert shown(quiet(arq=ArqHealth(1234, 5, 6, 7, 8)), width=100)[-1] == (
        "arq's health check of arq:queue  1,234 succeeded, 5 failed, 6 retried, 7 running"
    )


@pytest.mark.parametrize("height", [20, 24, 30, 50])
@pytest.mark.parametrize("width", [60, 100, 160])
def test_a_watched_screen_is_not_longer_than_the_terminal(width: int, height: int) -> None:
    jobs = {f"job {number}": Counters(succeeded=number, started=number) for number in range(40)}
    workers = tuple(WorkerStats(f"w{n}", "web", n, alive=n != 29) for n in range(30))
    long = tuple(letter("resize", "x" * 500) for _ in range(10))
    busy = overview(jobs=jobs, workers=workers, failures=long, arq=ArqHealth())
    lines = shown(busy, width=width, height=height)
    assert len(lines) <= height
    if height == 20:
        return
    text = "\n".join(lines)
    assert "more names of jobs" in text
    assert "more workers" in text
    assert "gone" in text, "the workers that are not well are shown first"


LEFT_OUT = re.compile(r"([\d,]+) more (queue|name of jobs|names of jobs|worker|dead letter)s?")
SIZES = [(80, 24), (100, 20), (100, 24), (60, 15), (40, 10), (64, 12), (200, 12), (144, 9), (80, 8)]


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("count", [1, 2, 3, 30])
def test_what_is_left_out_of_a_small_screen_is_counted(width: int, height: int, count: int) -> None:
    jobs = {f"job {number}": Counters(succeeded=number, started=number) for number in range(12)}
    workers = tuple(WorkerStats(f"w{n}", f"host-{n}", n, alive=n != 5) for n in range(7))
    failures = tuple(letter("resize", f"OSError: {number}") for number in range(4))
    queues = [
        overview(f"queue-{number}", jobs=jobs, workers=workers, failures=failures, dead=9) for number in range(count)
    ]
    lines = shown(*queues, width=width, height=height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    told = {what.replace("names", "name"): int(left) for left, what in LEFT_OUT.findall(" ".join(lines))}
    assert len(re.findall(r"^ *job \d+ ", text, re.MULTILINE)) + told.get("name of jobs", 0) == 12 * count
    assert len(re.findall(r"^host-\d", text, re.MULTILINE)) + told.get("worker", 0) == 7
    assert len(re.findall(r"^ *\S+ +resize ", text, re.MULTILINE)) + told.get("dead letter", 0) == 9 * count
    named = {line.split()[0] for line in lines if line.startswith("queue-")}
    assert len(named) + told.get("queue", 0) == count


def test_queues_that_are_not_well_come_first_where_not_all_can_be_shown() -> None:
    well = [quiet(f"well-{number:02}") for number in range(20)]
    lines = shown(*well, quiet("stuck", queued=9, oldest_s=60.0), width=80, height=24)
    assert any(line.startswith("stuck") for line in lines)
    assert "more queues" in "\n".join(lines)


def test_a_long_name_of_a_queue_leaves_room_for_its_numbers() -> None:
    lines = shown(overview("a-queue-of-a-very-long-name"), overview("b"), width=40, height=24)
    assert any(line.split()[1:2] == ["1,234,567"] for line in lines if line.startswith("a-queue-of-a-ve"))


def test_ascii_where_there_is_nothing_else() -> None:
    lines = shown(overview(), width=160, ascii_only=True)
    assert "#" * 20 in lines[3]
    "\n".join(lines).encode("ascii")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0s"), (9.94, "9.9s"), (59.9, "59s"), (60, "1m00s"), (3599, "59m59s"), (3600, "1h00m"), (90_000, "1d01h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (0.0004, "<1ms"), (0.0123, "12ms"), (0.9994, "999ms"), (0.9996, "1.0s"), (75, "1m15s")],
)
def test_times_that_were_measured(seconds: float | None, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("per_s", "text"),
    [(0, "0"), (0.01, "<0.1"), (0.2, "0.2"), (99.94, "99.9"), (99.96, "100"), (9999, "9,999"), (12_345, "12.3k")],
)
def test_rates(per_s: float, text: str) -> None:
    assert rate(per_s) == text


def test_sparklines() -> None:
    assert sparkline([]) == ""
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([0, 1, 50, 100]) == "▁▂▅█"
    assert sparkline([0, 1, 5], highest=100) == "▁▂▂"
    assert sparkline([0, 100], ascii_only=True) == "_#"
