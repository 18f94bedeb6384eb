"""The CPU child's end of the socket to its worker, which jobs may close, read or write as anything that is open.

Used by cpu_child.py. It notices when that has happened; then the child ends, and its worker starts another.
"""

from __future__ import annotations

import os
import threading

from monarq.workers.lanes.child_protocol import READ_BYTES, Frame, FrameBuffer, Kind, dump_frame
from monarq.workers.lanes.cpu_child.process_setup import Descriptors
from monarq.workers.lanes.started_call import BegunMark


class SpoiledLinkError(OSError):
    """A job has closed the socket, or taken from it what was not its own: nothing can be said here any more."""


class WorkerLink:
    """The child's end of the socket to its worker."""

    _begun: BegunMark
    _needed: Descriptors

    def __init__(self) -> None:
        self._fd = -1
        self._socket = (0, 0)
        self._pid = 0
        self._job = 0
        self._incoming = FrameBuffer()
        self._writing = threading.Lock()

    def open(self, fd: int, lifeline_fd: int, begun_fd: int) -> None:
        """Takes the inherited socket, and keeps it from the programs that jobs start."""
        os.set_inheritable(fd, False)
        self._fd, self._socket, self._pid = fd, _identity(fd), os.getpid()
        self._begun = BegunMark(begun_fd)
        os.close(begun_fd)
        self._needed = Descriptors((0, 1, 2, fd, lifeline_fd))

    @property
    def ours(self) -> bool:
        """Whether this process is the child itself: not a fork that a job made, not a process without a link."""
        return os.getpid() == self._pid

    def receive(self) -> Frame:
        """Waits for the next frame; EOFError when the worker has closed its end."""
        try:
            while (frame := self._incoming.take()) is None:
                self._incoming.feed(self._read())
        except (OSError, ValueError) as error:
            raise SpoiledLinkError from error
        # A thread that an earlier job left may have closed it since: the read goes on, and this job could not answer.
        if not self.is_whole():
            raise SpoiledLinkError
        self._job = frame.job
        self._begun.set(frame.job)
        return frame

    def send(self, kind: Kind, value: object) -> None:
        """Sends a frame about the running job; when `value` cannot be pickled it raises, and nothing is sent."""
        self.write(self.pickle(kind, value))

    def pickle(self, kind: Kind, value: object) -> bytes:
        """The frame for write(); raises what pickling `value` raises."""
        return dump_frame(kind, self._job, value)

    def write(self, frame: bytes) -> None:
        """Writes a whole frame; SpoiledLinkError when the socket is gone."""
        try:
            # A job that closed every descriptor may have opened a file under our number: never write into that.
            if _identity(self._fd) != self._socket:
                raise SpoiledLinkError
            with self._writing:
                self._write_all(memoryview(frame))
        except OSError as error:
            raise SpoiledLinkError("a job has closed the socket between the CPU child and its worker") from error

    def is_whole(self) -> bool:
        """Whether this process is fit for another job: none has closed what the next one needs."""
        return self._needed.are_open()

    def _read(self) -> bytes:
        while True:
            try:
                data = os.read(self._fd, READ_BYTES)
            except BlockingIOError:
                os.set_blocking(self._fd, True)  # a job has made it so
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


def _identity(fd: int) -> tuple[int, int]:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino
