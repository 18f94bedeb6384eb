"""`monarq stats` on terminals of several kinds: in place while it is watched, and clean when that ends."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis

from monarq.producer import Producer
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.workers.fleet import register_queues
from monarq.shared.formats.native.workers.register_names import register_names
from tests.cli.command import LONGEST_S, ROOT, Cli, environment, monarq
from tests.support.queues import NATIVE_QUEUE
from tests.support.slowness import in_time

ENTER, LEAVE, HIDE_CURSOR, SHOW_CURSOR, HOME, CLEAR = (
    "\x1b[?1049h",
    "\x1b[?1049l",
    "\x1b[?25l",
    "\x1b[?25h",
    "\x1b[H",
    "\x1b[2J",
)
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|9[0-7])[;m]")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass
class Terminal:
    """A command on a terminal.

    Attributes:
        process: the command.
        fd: our end of the terminal.
        shown: what has been written to it.
    """

    process: asyncio.subprocess.Process
    fd: int
    shown: str = ""

    async def until(self, words: str, count: int = 1) -> None:
        """Reads until this was written so often."""
        async with in_time(LONGEST_S):
            while self.shown.count(words) < count:
                self.shown += (await asyncio.to_thread(os.read, self.fd, 65536)).decode()

    async def end(self) -> int:
        """Reads what it writes until it has ended; gives its exit code."""
        async with in_time(LONGEST_S):
            code = await self.process.wait()
            while True:
                try:
                    self.shown += (await asyncio.to_thread(os.read, self.fd, 65536)).decode()
                except OSError:  # Linux tells so of the end
                    return code


@asynccontextmanager
async def terminal(
    *args: str, url: str, columns: int = 60, env: Mapping[str, str] | None = None
) -> AsyncIterator[Terminal]:
    """`monarq` on a terminal of so many columns and 30 lines."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "monarq", *args),
        cwd=ROOT,
        env=environment(url, {"TERM": "xterm-256color"} | dict(env or {})),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_watch_stays_in_place_and_leaves_a_clean_terminal(
    redis: Redis, redis_url: str, number: signal.Signals
) -> None:
    async with terminal("stats", "--watch", url=redis_url) as shown:
        await shown.until("default")
        async with Producer(redis_url) as producer:
            await producer.enqueue_many("name", [()] * 1234)
        await shown.until("1,234")
        shown.process.send_signal(number)
        code = await shown.end()
    assert code == 0
    screen, after = shown.shown.split(LEAVE)
    assert screen.count(ENTER) == 1
    assert shown.shown.rindex(SHOW_CURSOR) > shown.shown.rindex(HIDE_CURSOR)
    assert "Traceback" not in shown.shown
    assert ESCAPES.sub("", after).strip() == ""
    assert screen.count(HOME) >= 2
    assert screen.count(CLEAR) <= 1, "a screen that is cleared each time flickers"


async def test_a_watch_shows_what_it_waits_for_and_fits_the_screen(redis: Redis, redis_url: str) -> None:
    await register_queues(redis, ["mail"])
    async with terminal("stats", "--watch", "-q", "mail", "-q", "letters", url=redis_url) as shown:
        await shown.until("waiting: unknown queue letters")
        await shown.until("no worker")
        await register_queues(redis, ["letters"])
        seen = len(shown.shown)
        while "waiting" in (screen := shown.shown[seen:].rpartition(HOME)[2]) or "letters" not in screen:
            await shown.until(HOME, shown.shown.count(HOME) + 1)
        shown.process.send_signal(signal.SIGINT)
        assert await shown.end() == 0


async def test_colours_where_they_are_wanted(redis: Redis, redis_url: str) -> None:
    async with terminal("stats", url=redis_url) as shown:
        await shown.end()
    assert COLOUR.search(shown.shown)
    for args, env in ((["--no-color"], {}), ([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"})):
        async with terminal("stats", *args, url=redis_url, env=env) as shown:
            assert await shown.end() == 0
        assert not COLOUR.search(shown.shown)
        assert "no worker" in shown.shown


@pytest.mark.parametrize("columns", [60, 200])
async def test_lines_fit_the_terminal(redis: Redis, redis_url: str, columns: int) -> None:
    name = "a_job_with_a_very_long_name_" * 8
    await register_names(redis, NativeKeys.of(NATIVE_QUEUE.name), [name])
    async with Producer(redis_url) as producer:
        await producer.enqueue_many(name, [()] * 1234)
    async with terminal("stats", url=redis_url, columns=columns) as shown:
        await shown.end()
    lines = [ESCAPES.sub("", line).rstrip() for line in shown.shown.splitlines()]
    assert max(map(len, lines)) <= columns
    assert any("a_job_with" in line and line.rstrip().endswith("-") for line in lines)


async def test_a_terminal_that_cannot_move_its_cursor(redis: Redis, redis_url: str) -> None:
    async with terminal("stats", "--watch", url=redis_url, env={"TERM": "dumb"}) as shown:
        await shown.until("no worker  ", 2)
        shown.process.send_signal(signal.SIGINT)
        await shown.end()
    assert "\x1b" not in shown.shown


async def test_a_pipe_that_takes_ascii_alone(redis: Redis, redis_url: str) -> None:
    ended = await monarq("stats", url=redis_url, env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert (ended.code, ended.err) == (0, "")
    assert "_" * 20 in ended.out


@pytest.mark.parametrize("window", ["0", "30s", "90s", "2d", "soon"])
async def test_a_window_that_is_none(cli_here: Cli, window: str) -> None:
    ended = await cli_here("stats", "--window", window)
    assert ended.code == 2
    assert len(ended.err.splitlines()) == 1
