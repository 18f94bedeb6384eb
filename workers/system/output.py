"""Non-blocking standard output and error that never raise.

A worker, its supervisor and its CPU child replace Python's own streams with these before anything else. A line is
written at once if that does not block. If it would, because the reader of a pipe has stopped, the line is buffered and
a thread writes it later. Lines that do not fit into the buffer are dropped and counted, and the count is logged once
lines go out again. So no event loop is blocked by its log, and no job fails because its terminal is gone.
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

BUFFER_BYTES: Final = 4 << 20
"""How much unwritten output is buffered."""
_WRITES_AT_ONCE: Final = 100
"""How many of the buffered writes are made at once, so that no caller waits for long."""
FLUSH_S: Final = 0.5
"""How long an exiting process waits for its buffer to be written."""

_READER_GONE: Final = frozenset({errno.EPIPE, errno.EIO, errno.ECONNRESET})


def open_standard_descriptors() -> None:
    """Opens /dev/null for closed descriptors among 0 to 2; call it before anything is opened.

    Otherwise a socket would get such a number: prints would go into it, and libuv ends a process that closes one.
    """
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number: this one
            os.set_inheritable(fd, True)
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(fd, "w" if fd else "r", closefd=False))  # noqa: SIM115
            setattr(sys, f"__{name}__", getattr(sys, name))


def make_output_nonblocking() -> None:
    """Replaces stdout and stderr with streams that never block; keeps a stream that the program itself has set."""
    open_standard_descriptors()
    outputs: list[NonBlockingOutput] = []
    for fd, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is getattr(sys, f"__{name}__") and isinstance(stream, io.TextIOWrapper):
            replacement = _stream_like(stream, _output_for(fd, outputs))
            setattr(sys, name, replacement)
            setattr(sys, f"__{name}__", replacement)
    atexit.register(_flush, outputs)


def _output_for(fd: int, outputs: list[NonBlockingOutput]) -> NonBlockingOutput:
    """One output for both descriptors if they are the same file, so that their lines stay in order."""
    for output in outputs:
        if os.path.sameopenfile(fd, output.fileno()):
            output.fds.append(fd)
            return output
    outputs.append(NonBlockingOutput(fd))
    return outputs[-1]


def _stream_like(stream: io.TextIOWrapper, output: NonBlockingOutput) -> io.TextIOWrapper:
    with suppress(OSError):
        stream.flush()
    return io.TextIOWrapper(
        output,
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=True,  # also into a pipe: what a job prints is seen at once, as the log is
        write_through=stream.write_through,
    )


def _flush(outputs: list[NonBlockingOutput]) -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # a job may have assigned anything
            stream.flush()
    for output in outputs:
        output.wait_written(FLUSH_S)
        output.log_dropped()


class NonBlockingOutput(io.BufferedIOBase):
    """A stream of bytes that never blocks and never raises; any thread may write.

    Attributes:
        fds: the descriptors that it writes for.
        name: the name that Python gives its own stream.
    """

    def __init__(self, fd: int) -> None:
        super().__init__()
        self.fds = [fd]
        self.name = "<stdout>" if fd == 1 else "<stderr>"
        self._sink = open_sink(fd)
        self._dropped = 0
        self._last_write_succeeded = True
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        """Empties the buffer; also in a fork, since the parent writes what it has buffered."""
        self._changed = threading.Condition(threading.RLock())
        self._buffer: deque[bytes] = deque()
        self._buffered_bytes = 0
        self._thread: threading.Thread | None = None

    def fileno(self) -> int:
        """The descriptor, for programs that also write to it."""
        return self.fds[0]

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self.fileno())

    def writable(self) -> bool:
        """Always true."""
        return True

    def close(self) -> None:
        """Does nothing: a job that closes its stdout must not close the worker's."""

    def write(self, data: ReadableBuffer) -> int:
        """Writes, buffers or drops all of it."""
        chunk = bytes(data)
        with self._changed:
            # Not only in the thread, which hardly gets to run while a job logs continuously.
            left = self._write_now(chunk) if self._write_buffered() else chunk
            if left:
                self._buffer_or_drop(left)
        return len(chunk)

    def wait_written(self, longest_s: float) -> None:
        """Waits until the buffer is empty, but no longer than this."""
        until_s = time.monotonic() + longest_s
        with self._changed:
            while self._buffered_bytes and (left_s := until_s - time.monotonic()) > 0:
                self._changed.wait(left_s)

    def _write_buffered(self) -> bool:
        """Writes buffered output without blocking; returns whether a new line may be written now."""
        if self._sink.blocks:
            return False
        for _ in range(min(_WRITES_AT_ONCE, len(self._buffer))):
            chunk = self._buffer.popleft()
            left = self._write_now(chunk)
            self._buffered_bytes -= len(chunk) - len(left)
            if left:
                self._buffer.appendleft(left)
                return False
        return not self._buffer

    def _write_now(self, chunk: bytes) -> bytes:
        """Writes as much as possible without blocking; returns the rest."""
        try:
            self._follow_descriptor()
            left = chunk[self._sink.write(chunk) :]
        except BlockingIOError:
            return chunk
        except OSError as error:
            self._fail(chunk, error)
            return b""
        self._last_write_succeeded = True
        if self._dropped:
            self._wake_thread()
        return left

    def _follow_descriptor(self) -> None:
        """Reopens the sink if a job has redirected the descriptor or opened another file under its number."""
        fd, before = self.fileno(), self._sink
        if not before.is_file_of(fd):
            self._sink = open_sink(fd)
            before.close(fd)

    def _fail(self, chunk: bytes, error: OSError) -> None:
        self._last_write_succeeded = False
        self._drop(chunk)
        if error.errno in _READER_GONE:
            self._redirect_to_null()

    def _buffer_or_drop(self, chunk: bytes) -> None:
        # A single write is never too long: the rest of a half-written line must follow.
        if self._buffered_bytes and self._buffered_bytes + len(chunk) > BUFFER_BYTES:
            self._drop(chunk)
            return
        self._buffer.append(chunk)
        self._buffered_bytes += len(chunk)
        self._wake_thread()

    def _drop(self, chunk: bytes) -> None:
        with self._changed:
            self._dropped += max(1, chunk.count(b"\n"))

    def _redirect_to_null(self) -> None:
        """The reader is gone: programs that jobs start must not fail because of that either."""
        null = os.open(os.devnull, os.O_WRONLY)
        for fd in self.fds:
            os.dup2(null, fd)
        os.close(null)

    def _wake_thread(self) -> None:
        with self._changed:
            self._changed.notify_all()
            if self._thread is None:
                thread = threading.Thread(target=self._run_thread, name="monarq-output", daemon=True)
                with suppress(RuntimeError):  # the system refuses a thread: the next line retries
                    thread.start()
                    self._thread = thread

    def _run_thread(self) -> None:
        while True:
            with self._changed:
                while not self._buffer and not (self._dropped and self._last_write_succeeded):
                    self._changed.wait()
            if not self._buffer:
                self.log_dropped()
            elif self._sink.blocks:
                self._write_blocking()
            else:
                wait_writable(self._sink.fd)
                with self._changed:
                    self._write_buffered()
                    self._changed.notify_all()

    def _write_blocking(self) -> None:
        with self._changed:
            chunk = b"".join(self._buffer)
            self._buffer.clear()
        count = len(chunk)
        while chunk:
            chunk = self._write_now(chunk)
        with self._changed:
            self._buffered_bytes -= count
            self._changed.notify_all()

    def log_dropped(self) -> None:
        """Logs how many lines have been dropped since the last time, if any."""
        with self._changed:
            if not self._dropped:
                return
            count, self._dropped = self._dropped, 0
        _log_dropped_lines(count)
        with self._changed:
            if self._dropped:
                self._dropped += count - 1  # the line with the count was dropped too


def _log_dropped_lines(count: int) -> None:
    from monarq.shared.text.loggers import get_logger  # deferred: nearly no process needs it

    get_logger("monarq").warning(
        "%d line%s of output %s dropped: the reader did not keep up, or they could not be written",
        count,
        "" if count == 1 else "s",
        "was" if count == 1 else "were",
    )
