"""Non-blocking output: written at once, kept while the reader is slow, dropped and counted beyond that."""

from __future__ import annotations

import io
import os
import pty
import select
import socket
import subprocess
import sys
import threading
import time
import tty
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

import pytest

from monarq.workers.system import output, output_sink
from monarq.workers.system.output import NonBlockingOutput
from tests.support.slowness import patience_s

LINE = b"x" * 99 + b"\n"
PATIENCE_S = 20.0

ROOT = Path(__file__).parents[3]


class Ends:
    """Where output is read, and the descriptor that it goes into."""

    def __init__(self, reader: int, writer: int) -> None:
        self.reader = os.fdopen(reader, "rb", buffering=0)
        self.writer = os.fdopen(writer, "wb", buffering=0)
        self.output = NonBlockingOutput(writer)

    def read(self, count: int) -> bytes:
        read = b""
        while len(read) < count:
            read += self.reader.read(count - len(read))
        return read

    def count_lines(self, most: int) -> int:
        """Reads until so many lines have come, or nothing more does."""
        count = 0
        while count < most and select.select([self.reader], [], [], patience_s(PATIENCE_S / 2))[0]:
            count += self.reader.read(65536).count(b"\n")
        return count

    def read_rest(self) -> bytes:
        """What is there now."""
        read = b""
        while select.select([self.reader], [], [], 0.05)[0]:
            read += self.reader.read(65536)
        return read


def open_pty() -> tuple[int, int]:
    reader, writer = pty.openpty()
    tty.setraw(writer)
    return reader, writer


def open_sockets() -> tuple[int, int]:
    reader, writer = socket.socketpair()
    return reader.detach(), writer.detach()


@contextmanager
def open_ends(make: Callable[[], tuple[int, int]]) -> Iterator[Ends]:
    ends = Ends(*make())
    with ends.reader, ends.writer:
        yield ends


@pytest.fixture(params=[False, True], ids=["", "where the system can only wait"])
def waits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is, and where descriptors cannot be opened again, as on macOS."""
    if request.param:
        monkeypatch.setattr(output_sink, "REOPEN_PATH", "/nonexistent/{fd}")


@pytest.fixture(params=[os.pipe, open_sockets, open_pty], ids=["pipe", "socket", "terminal"])
def ends(request: pytest.FixtureRequest, waits: None) -> Iterator[Ends]:
    make: Callable[[], tuple[int, int]] = request.param
    with open_ends(make) as ends:
        yield ends


def test_what_is_read_goes_out(ends: Ends) -> None:
    assert ends.output.write(LINE) == len(LINE)
    assert ends.read(len(LINE)) == LINE


def test_it_goes_out_before_the_process_can_die() -> None:
    with open_ends(os.pipe) as ends:
        ends.output.write(LINE)
        os.set_blocking(ends.reader.fileno(), False)
        assert ends.reader.read(1000) == LINE


def test_what_nobody_reads_is_kept_then_dropped_and_that_is_logged(
    ends: Ends, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "BUFFER_BYTES", 1 << 18)
    lines = [b"%099d\n" % number for number in range(10_000)]
    for line in lines:
        ends.output.write(line)
    came = ends.read(output.BUFFER_BYTES - output.BUFFER_BYTES % 100)
    until_s = time.monotonic() + patience_s(PATIENCE_S)
    while not caplog.messages and time.monotonic() < until_s:
        came += ends.read_rest()
    came += ends.read_rest()
    [told] = caplog.messages
    assert told.endswith("lines of output were dropped: the reader did not keep up, or they could not be written")
    came_whole = came.splitlines(keepends=True)
    assert int(told.split()[0]) + len(came_whole) == len(lines)
    assert came_whole == sorted(came_whole)
    assert set(came_whole) < set(lines)


@pytest.mark.parametrize("make", [os.pipe, open_sockets], ids=["pipe", "socket"])
def test_nothing_is_dropped_where_somebody_reads(make: Callable[[], tuple[int, int]]) -> None:
    """As fast as lines come, and however long one is."""
    long, count = b"y" * 2 * output.BUFFER_BYTES + b"\n", output.BUFFER_BYTES // 100 + 5000
    with open_ends(make) as ends:
        read = Future[int]()
        threading.Thread(target=lambda: read.set_result(ends.count_lines(count + 1))).start()
        ends.output.write(long)
        ends.output.wait_written(patience_s(PATIENCE_S))
        for number in range(count):
            ends.output.write(b"%099d\n" % number)
        assert read.result(patience_s(PATIENCE_S)) == count + 1


def test_a_reader_that_is_gone_is_no_error(ends: Ends) -> None:
    ends.reader.close()
    for _ in range(3):
        assert ends.output.write(LINE) == len(LINE)
    ends.output.wait_written(patience_s(PATIENCE_S))
    # What a job starts gets /dev/null then, and does not fail either.
    with Path(os.devnull).open("wb") as null:
        assert os.path.sameopenfile(ends.writer.fileno(), null.fileno())


def test_a_full_disk_is_no_error() -> None:
    with Path("/dev/full").open("wb") as full:
        assert NonBlockingOutput(full.fileno()).write(LINE) == len(LINE)


def test_a_job_cannot_close_it_for_others(ends: Ends) -> None:
    stream = io.TextIOWrapper(ends.output, line_buffering=True)
    stream.close()
    print("still here", file=stream)
    assert ends.read(11) == b"still here\n"


FORKS = r"""
import os, sys
from monarq.workers.system.output import make_output_nonblocking
make_output_nonblocking()
for number in range(10_000):
    sys.stdout.write(f"{number:07}\n")
    sys.stdout.flush()
child = os.fork()
sys.stdout.write("of the parent\n" if child else "of the child\n")
sys.stdout.flush()
sys.stderr.write("full\n")
sys.stdout.buffer.wait_written(20)
if child:
    os.wait()
"""


def test_a_fork_sends_what_is_its_own_and_nothing_else() -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKS]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stderr.readline() == process.stderr.readline() == b"full\n"
        lines = Counter(process.stdout.read().splitlines())
    assert lines.total() == 10_002
    assert len(lines) == 10_002
    assert {b"of the parent", b"of the child"} < set(lines)


def test_it_follows_the_descriptor_and_writes_into_no_file_of_a_job(ends: Ends, tmp_path: Path) -> None:
    with (tmp_path / "job").open("wb") as file:
        own = ends.output._sink.fd
        if own != ends.writer.fileno():
            os.dup2(file.fileno(), own)  # a job has closed all that it did not know, and opened a file
        ends.output.write(LINE)
        assert ends.read(len(LINE)) == LINE
        os.dup2(file.fileno(), ends.writer.fileno())
        ends.output.write(b"led here\n")
        ends.output.wait_written(patience_s(PATIENCE_S))
    assert (tmp_path / "job").read_bytes() == b"led here\n"


def test_what_was_led_elsewhere_and_back_is_as_it_was(ends: Ends, tmp_path: Path) -> None:
    """As pytest and others do it who catch what programs write."""
    fd, before = ends.writer.fileno(), len(list(Path("/dev/fd").iterdir()))
    back, waits = os.dup(fd), ends.output._sink.blocks
    with (tmp_path / "job").open("wb") as file:
        for number in range(3):
            os.dup2(file.fileno(), fd)
            ends.output.write(b"%d\n" % number)
            ends.output.wait_written(patience_s(PATIENCE_S))
            os.dup2(back, fd)
            ends.output.write(LINE)
            ends.output.wait_written(patience_s(PATIENCE_S))
    os.close(back)
    assert (tmp_path / "job").read_bytes() == b"0\n1\n2\n"
    assert ends.read(3 * len(LINE)) == 3 * LINE
    assert len(list(Path("/dev/fd").iterdir())) == before
    assert (ends.output._sink.blocks, ends.output._sink.fd == fd) == (waits, waits)
