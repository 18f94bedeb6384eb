"""Standard output and error that nobody ever waits for, and that raise nothing.

A worker, its supervisor and its cpu child put these in the place of Python's own before anything else. A line goes out
at once where that needs no waiting. Where it does, as the reader of a pipe has stopped, it is kept, and a thread sends
it on; what is more than can be kept is dropped and counted, and that is told once lines go out again. So no event loop
stands still for its log, and no job fails as its terminal is gone.
"""

from __future__ import annotations

import atexit
import errno
import io
import os
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from monarq.workers.system.output_sink import open_sink, wait_writable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

KEPT_BYTES: Final = 4 << 20
"""How much is kept of what could not go out yet."""
_AT_ONCE: Final = 100
"""How many of the writes that were kept are made at once, so that nobody waits for long."""
FLUSH_S: Final = 0.5
"""How long a process that ends waits for what it has kept."""

_GONE: Final = frozenset({errno.EPIPE, errno.EIO, errno.ECONNRESET})


def open_standard_descriptors() -> None:
    """Opens those of the descriptors 0 to 2 that are closed on /dev/null; to be called before anything is opened.

    Otherwise a socket would get such a number: what is printed would go into it, and libuv ends a process that closes
    one.
    """
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            os.set_inheritable(fd, True)
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(fd, "w" if fd else "r", closefd=False))  # noqa: SIM115
            setattr(sys, f"__{name}__", getattr(sys, name))


def never_wait_for_readers() -> None:
    """Puts streams that never wait in the place of stdout and stderr; what a program has put there itself stays."""
    open_standard_descriptors()
    outputs: list[Output] = []
    for fd, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is getattr(sys, f"__{name}__") and isinstance(stream, io.TextIOWrapper):
            ours = _stream_like(stream, _output_for(fd, outputs))
            setattr(sys, name, ours)
            setattr(sys, f"__{name}__", ours)
    atexit.register(_finish, outputs)


def _output_for(fd: int, outputs: list[Output]) -> Output:
    """One for both where both lead to one file, so that their lines stay in order."""
    for output in outputs:
        if os.path.sameopenfile(fd, output.fileno()):
            output.fds.append(fd)
            return output
    outputs.append(Output(fd))
    return outputs[-1]


def _stream_like(stream: io.TextIOWrapper, output: Output) -> io.TextIOWrapper:
    with suppress(OSError):
        stream.flush()
    return io.TextIOWrapper(
        output,
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _finish(outputs: list[Output]) -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # a job may have put anything there
            stream.flush()
    for output in outputs:
        output.wait_sent(FLUSH_S)
        output.tell_of_dropped()


class Output(io.BufferedIOBase):
    """A stream of bytes that never waits and never raises; any thread may write.

    Attributes:
        fds: the descriptors that it stands for.
        name: as Python names its own streams.
    """

    def __init__(self, fd: int) -> None:
        super().__init__()
        self.fds = [fd]
        self.name = "<stdout>" if fd == 1 else "<stderr>"
        self._sink = open_sink(fd)
        self._dropped = 0
        self._goes_out = True
        self._start_anew()
        os.register_at_fork(after_in_child=self._start_anew)

    def _start_anew(self) -> None:
        """What is kept at a fork is sent by the process where it was written."""
        self._changed = threading.Condition(threading.RLock())
        self._kept: deque[bytes] = deque()
        self._kept_bytes = 0
        self._sending: threading.Thread | None = None

    def fileno(self) -> int:
        """The descriptor, for programs that are to write there too."""
        return self.fds[0]

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self.fileno())

    def writable(self) -> bool:
        """It is."""
        return True

    def close(self) -> None:
        """Does nothing: a job that closes its stdout does so for itself."""

    def write(self, data: ReadableBuffer) -> int:
        """Takes all of it."""
        chunk = bytes(data)
        with self._changed:
            # Not by the thread alone: while a job logs without a pause, it hardly gets to run.
            left = self._send(chunk) if self._send_kept() else chunk
            if left:
                self._keep(left)
        return len(chunk)

    def wait_sent(self, longest_s: float) -> None:
        """Waits until nothing is kept, but not for longer than this."""
        until_s = time.monotonic() + longest_s
        with self._changed:
            while self._kept_bytes and (left_s := until_s - time.monotonic()) > 0:
                self._changed.wait(left_s)

    def _send_kept(self) -> bool:
        """Sends what goes out now of what is kept; says whether a new line may be sent."""
        if self._sink.waits:
            return False
        for _ in range(min(_AT_ONCE, len(self._kept))):
            chunk = self._kept.popleft()
            left = self._send(chunk)
            self._kept_bytes -= len(chunk) - len(left)
            if left:
                self._kept.appendleft(left)
                return False
        return not self._kept

    def _send(self, chunk: bytes) -> bytes:
        """Sends what goes out now; gives the rest."""
        try:
            self._follow()
            left = chunk[self._sink.write(chunk) :]
        except BlockingIOError:
            return chunk
        except OSError as error:
            self._fail(chunk, error)
            return b""
        self._goes_out = True
        if self._dropped:
            self._wake_thread()
        return left

    def _follow(self) -> None:
        """Goes where the descriptor leads now: a job may have led it elsewhere, or have opened a file as our number."""
        fd, before = self.fileno(), self._sink
        if not before.is_of(fd):
            self._sink = open_sink(fd)
            before.let_go(fd)

    def _fail(self, chunk: bytes, error: OSError) -> None:
        self._goes_out = False
        self._drop(chunk)
        if error.errno in _GONE:
            self._let_go()

    def _keep(self, chunk: bytes) -> None:
        # One write alone is never too long: the rest of a line that is half out must follow.
        if self._kept_bytes and self._kept_bytes + len(chunk) > KEPT_BYTES:
            self._drop(chunk)
            return
        self._kept.append(chunk)
        self._kept_bytes += len(chunk)
        self._wake_thread()

    def _drop(self, chunk: bytes) -> None:
        with self._changed:
            self._dropped += max(1, chunk.count(b"\n"))

    def _let_go(self) -> None:
        """The reader is gone: what jobs start must not fail for that either."""
        null = os.open(os.devnull, os.O_WRONLY)
        for fd in self.fds:
            os.dup2(null, fd)
        os.close(null)

    def _wake_thread(self) -> None:
        with self._changed:
            self._changed.notify_all()
            if self._sending is None:
                thread = threading.Thread(target=self._send_on, name="monarq-output", daemon=True)
                with suppress(RuntimeError):  # no thread is to be had: the next line tries again
                    thread.start()
                    self._sending = thread

    def _send_on(self) -> None:
        while True:
            with self._changed:
                while not self._kept and not (self._dropped and self._goes_out):
                    self._changed.wait()
            if not self._kept:
                self.tell_of_dropped()
            elif self._sink.waits:
                self._send_waiting()
            else:
                wait_writable(self._sink.fd)
                with self._changed:
                    self._send_kept()
                    self._changed.notify_all()

    def _send_waiting(self) -> None:
        with self._changed:
            chunk = b"".join(self._kept)
            self._kept.clear()
        count = len(chunk)
        while chunk:
            chunk = self._send(chunk)
        with self._changed:
            self._kept_bytes -= count
            self._changed.notify_all()

    def tell_of_dropped(self) -> None:
        """Logs how many lines have been dropped since it was told last, if there were any."""
        with self._changed:
            if not self._dropped:
                return
            count, self._dropped = self._dropped, 0
        _log_dropped(count)
        with self._changed:
            if self._dropped:
                self._dropped += count - 1  # the line that was to tell it was dropped too


def _log_dropped(count: int) -> None:
    from monarq.shared.text.loggers import get_logger  # put off: nearly no process needs it

    get_logger("monarq").warning(
        "%d line%s of output %s dropped: nobody read them, or they could not be written",
        count,
        "" if count == 1 else "s",
        "was" if count == 1 else "were",
    )
