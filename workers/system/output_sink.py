"""The file, pipe, socket or terminal to which a process writes its output, without blocking if the system allows it."""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Callable
from typing import Final, NamedTuple

REOPEN_PATH: Final = "/proc/self/fd/{fd}"
"""Opening this path gives the same file as the descriptor, with separate flags. Linux only."""


class Sink(NamedTuple):
    """Where bytes are written."""

    fd: int
    file: tuple[int, int] | None
    """Which file it is; see `file_of`."""
    write: Callable[[bytes], int]
    """Returns how many bytes it accepted; BlockingIOError if it accepts none now."""
    blocks: bool = False
    """Whether `write` may nevertheless block: then only the thread may call it."""
    detach: Callable[[], object] = lambda: None
    """Keeps Python from closing the descriptor, whose number may now belong to another file."""

    def is_file_of(self, fd: int) -> bool:
        """Whether it is still the file of this descriptor: a job may have redirected both."""
        return file_of(fd) == self.file and (fd == self.fd or file_of(self.fd) == self.file)

    def close(self, fd: int) -> None:
        """Closes the second descriptor that was opened for it, if any."""
        self.detach()
        if self.fd != fd and file_of(self.fd) == self.file:
            os.close(self.fd)


def open_sink(fd: int) -> Sink:
    """The sink of a descriptor; it does not block if the system allows that.

    O_NONBLOCK must not be set on the descriptor itself: it would apply to all processes that share it, including the
    user's shell.

    Raises:
        OSError: the descriptor is closed.
    """
    mode, file = os.fstat(fd).st_mode, file_of(fd)
    if stat.S_ISSOCK(mode):
        return _open_socket(fd)
    if not stat.S_ISFIFO(mode) and not os.isatty(fd):
        return Sink(fd, file, lambda data: os.write(fd, data))
    try:
        reopened = os.open(REOPEN_PATH.format(fd=fd), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:  # not on Linux, or another user's terminal
        return Sink(fd, file, lambda data: os.write(fd, data), blocks=True)
    return Sink(reopened, file, lambda data: os.write(reopened, data))


def _open_socket(fd: int) -> Sink:
    import socket  # deferred: rarely needed, and it would delay the start of a CPU child

    own = socket.socket(fileno=os.dup(fd))
    return Sink(own.fileno(), file_of(fd), lambda data: own.send(data, socket.MSG_DONTWAIT), detach=own.detach)


def file_of(fd: int) -> tuple[int, int] | None:
    """The device and inode of a descriptor's file; None if the descriptor is closed."""
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def wait_writable(fd: int) -> None:
    """Waits until the descriptor accepts bytes again, or never will."""
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    poll.poll()
