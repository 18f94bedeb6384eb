"""Where the output of a process goes: written to without waiting, as far as the system can do that."""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Callable
from typing import Final, NamedTuple

ANEW: Final = "/proc/self/fd/{fd}"
"""Opened, it leads where the descriptor leads, with flags of its own. Linux only."""


class Sink(NamedTuple):
    """Where bytes go out."""

    fd: int
    file: tuple[int, int] | None
    """What it leads to: see `file_of`."""
    write: Callable[[bytes], int]
    """Gives how many it took; BlockingIOError where it takes none now."""
    waits: bool = False
    """Whether `write` may wait all the same: then only the thread may call it."""
    forget: Callable[[], object] = lambda: None
    """Keeps Python from closing the descriptor, whose number may be another file's by now."""

    def is_of(self, fd: int) -> bool:
        """Whether it is still where this descriptor leads: a job may have led both elsewhere."""
        return file_of(fd) == self.file and (fd == self.fd or file_of(self.fd) == self.file)

    def let_go(self, fd: int) -> None:
        """Closes a descriptor that was opened for it, beside this one."""
        self.forget()
        if self.fd != fd and file_of(self.fd) == self.file:
            os.close(self.fd)


def open_sink(fd: int) -> Sink:
    """What a descriptor leads to, without waiting as far as the system can do that.

    Its own flag for that must not be set: it would hold for all processes that share it, the user's shell too.

    Raises:
        OSError: it is closed.
    """
    mode, file = os.fstat(fd).st_mode, file_of(fd)
    if stat.S_ISSOCK(mode):
        return _open_socket(fd)
    if not stat.S_ISFIFO(mode) and not os.isatty(fd):
        return Sink(fd, file, lambda data: os.write(fd, data))
    try:
        anew = os.open(ANEW.format(fd=fd), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:  # not on Linux, or another user's terminal
        return Sink(fd, file, lambda data: os.write(fd, data), waits=True)
    return Sink(anew, file, lambda data: os.write(anew, data))


def _open_socket(fd: int) -> Sink:
    import socket  # put off: few need it, and the start of a cpu child would wait for it

    own = socket.socket(fileno=os.dup(fd))
    return Sink(own.fileno(), file_of(fd), lambda data: own.send(data, socket.MSG_DONTWAIT), forget=own.detach)


def file_of(fd: int) -> tuple[int, int] | None:
    """What a descriptor leads to, as nothing else does; None where it is closed."""
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def wait_writable(fd: int) -> None:
    """Waits until something more goes out, or never will."""
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    poll.poll()
