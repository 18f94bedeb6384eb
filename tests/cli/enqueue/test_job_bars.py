"""The bars of jobs that tell of their progress: on a terminal, as wide as it is; in a pipe none."""

from __future__ import annotations

import asyncio
import fcntl
import io
import json
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from rich.console import Console
from rich.progress import Progress as Bars

from monarq.cli.enqueue.job_bars import MAX_BARS, JobBars, describe
from monarq.cli.enqueue.output import _text_columns
from monarq.cli.terminal import progress as showing
from monarq.shared.payloads.progress import Progress
from tests.cli.command import LONGEST_S, ROOT, environment, monarq, worker
from tests.support.slowness import in_time

NOW = datetime.now(UTC)
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
FIVE_STEPS = b"[5, 0.15]\n" * 3


def bars_on(width: int, height: int, monkeypatch: pytest.MonkeyPatch) -> Bars:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    monkeypatch.setattr(showing, "open_console", lambda stream: console)
    return showing.open_bar(_text_columns(), None, shown="")


def drawn(bars: Bars) -> list[str]:
    bars.console.print(bars.get_renderable())
    assert isinstance(bars.console.file, io.StringIO)
    return bars.console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [30, 40, 80, 200])
def test_a_line_has_a_bar_and_fits(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    bars = bars_on(width, 24, monkeypatch)
    jobs = JobBars(bars)
    jobs.update("0123456789abcdef", Progress(3, 10, "a long message " * 30, NOW))
    _, line = drawn(bars)
    assert len(line) <= width
    assert "━━" in line
    assert "01234567 3/10 " in line


def test_no_more_bars_than_the_terminal_has_lines_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for height, room in ((4, 0), (10, 6), (60, MAX_BARS)):
        bars = bars_on(80, height, monkeypatch)
        jobs = JobBars(bars)
        for number in range(20):
            jobs.update(f"job{number}", Progress(1, 2, "", NOW))
        assert len(bars.task_ids) == 1 + room
        for number in range(20):
            jobs.remove(f"job{number}")
        assert len(bars.task_ids) == 1


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        (Progress(3, 10, "loading", NOW), "id 3/10 loading"),
        (Progress(1_234_567, None, "", NOW), "id 1,234,567"),
        (Progress(0.5, 1.25, "a\nb", NOW), "id 0.5/1.25 a b"),
        (Progress(0, 0, "\x1b[31mred\x07", NOW), r"id 0/0 \x1b[31mred\x07"),
    ],
)
def test_what_a_line_says(progress: Progress, line: str) -> None:
    assert describe("id", progress) == line


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """A narrow terminal: the end to read from, and the end for a program."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 50, 0, 0))
    yield ours, theirs
    os.close(ours)


async def test_on_a_narrow_terminal(redis_url: str, terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    async with worker(redis_url, "tests.progress.jobs"):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "monarq", "enqueue", "tests.progress.jobs:step_through", "--from", "-", "--wait"),
            cwd=ROOT,
            env=environment(redis_url, {"TERM": "xterm"}),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=theirs,
        )
        os.close(theirs)
        reading = asyncio.create_task(asyncio.to_thread(read_all, ours))
        async with in_time(LONGEST_S):
            out, _ = await process.communicate(FIVE_STEPS)
            shown = await reading
    assert [json.loads(line)["result"] for line in out.splitlines()] == [5, 5, 5]
    lines = [ESCAPES.sub("", line) for line in re.split(r"[\r\n]+", shown)]
    assert max(map(len, lines)) <= 60, "the last line, which is no bar, is longer than the terminal"
    assert all(len(line) <= 50 for line in lines if "━" in line)
    assert any(re.search(r"━ \w{8} [1-5]/5 step [1-5]", line) for line in lines)
    assert lines[-2].startswith("monarq: of 3 jobs, 3 ended and 0 failed")


async def test_in_a_pipe_there_are_none(redis_url: str) -> None:
    async with worker(redis_url, "tests.progress.jobs"):
        ended = await monarq(
            "enqueue", "tests.progress.jobs:step_through", "--from", "-", "--wait", url=redis_url, stdin=FIVE_STEPS
        )
    assert len(ended.results) == 3
    assert re.fullmatch(r"monarq: of 3 jobs, 3 ended and 0 failed in [\d.]+ s\n", ended.err)


def read_all(fd: int) -> str:
    """Everything until the terminal's other end is closed."""
    data = b""
    while True:
        try:
            data += os.read(fd, 65536)
        except OSError:  # Linux tells so of the end
            return data.decode()
