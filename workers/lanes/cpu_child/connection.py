"""The CPU child's connection to its worker: a socket that jobs can close, read or write like any open descriptor.

It notices if a job has done so; then the child ends, and its worker starts another.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress

from monarq.workers.lanes.child_protocol import READ_BYTES, Frame, FrameBuffer, FrameKind, dump_frame
from monarq.workers.lanes.cpu_child.process_setup import Descriptors
from monarq.workers.lanes.started_call import StartedCall


class BrokenConnectionError(OSError):
    """A job has closed the socket or read from it; nothing more can be sent."""


class WorkerConnection:
    """The child's end of the socket to its worker."""

    _started_call: StartedCall
    _needed: Descriptors

    def __init__(self) -> None:
        self._fd = -1
        self._file = (0, 0)
        self._pid = 0
        self._call = 0
        self._incoming = FrameBuffer()
        self._write_lock = threading.Lock()

    def open(self, fd: int, lifeline_fd: int, memory_fd: int) -> None:
        """Takes the inherited socket; programs that jobs start do not inherit it."""
        os.set_inheritable(fd, False)
        self._fd, self._file, self._pid = fd, _file_of(fd), os.getpid()
        self._started_call = StartedCall(memory_fd)
        os.close(memory_fd)
        self._needed = Descriptors((0, 1, 2, fd, lifeline_fd))

    @property
    def is_own(self) -> bool:
        """Whether this process is the child itself, not a fork made by a job or a process without a connection."""
        return os.getpid() == self._pid

    @property
    def should_stop(self) -> bool:
        """Whether the worker is stopping."""
        return self._started_call.should_stop

    def receive(self) -> Frame:
        """Waits for the next frame; EOFError if the worker has closed its end."""
        try:
            while (frame := self._incoming.take()) is None:
                self._incoming.feed(self._read())
        except (OSError, ValueError) as error:
            raise BrokenConnectionError from error
        # A thread left by an earlier job may have closed it since: the read succeeds, but the job could not answer.
        if not self.is_intact():
            raise BrokenConnectionError
        self._call = frame.call
        self._started_call.set(frame.call)
        return frame

    def send(self, kind: FrameKind, value: object) -> None:
        """Sends a frame of the running call; if pickling `value` raises, the error propagates and nothing is sent."""
        self.write(self.pickle(kind, value))

    def pickle(self, kind: FrameKind, value: object) -> bytes:
        """The frame for write(); raises whatever pickling `value` raises."""
        return dump_frame(kind, self._call, value)

    def write(self, frame: bytes) -> None:
        """Writes a whole frame; BrokenConnectionError if the socket is closed."""
        try:
            # A job that closed all descriptors may have opened a file under our number: never write to that.
            if _file_of(self._fd) != self._file:
                raise BrokenConnectionError
            with self._write_lock:
                self._write_all(memoryview(frame))
        except OSError as error:
            raise BrokenConnectionError("a job has closed the socket between the CPU child and its worker") from error

    def is_intact(self) -> bool:
        """Whether this process can run another job: no descriptor that the next one needs is closed."""
        return self._needed.are_open()

    def close(self) -> None:
        """Closes the socket, by which the worker sees that the resources of this process are closed."""
        with suppress(OSError):
            if _file_of(self._fd) == self._file:
                os.close(self._fd)

    def _read(self) -> bytes:
        while True:
            try:
                data = os.read(self._fd, READ_BYTES)
            except BlockingIOError:
                os.set_blocking(self._fd, True)  # a job has made it non-blocking
                continue
            if not data:
                raise EOFError
            return data

    def _write_all(self, rest: memoryview) -> None:
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:
                os.set_blocking(self._fd, True)


def _file_of(fd: int) -> tuple[int, int]:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino
