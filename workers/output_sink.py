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
    write: Callable[[bytes], int]
    """Gives how many it took; BlockingIOError where it takes none now."""
    waits: bool = False
    """Whether `write` may wait all the same: then only the thread may call it."""
    forget: Callable[[], object] = lambda: None
    """Keeps Python from closing the descriptor, whose number may be another file's by now."""


def open_sink(fd: int) -> Sink:
    """What a descriptor leads to, without waiting as far as the system can do that.

    Its own flag for that must not be set: it would hold for all processes that share it, the user's shell too.

    Raises:
        OSError: it is closed.
    """
    mode = os.fstat(fd).st_mode
    if stat.S_ISSOCK(mode):
        return _open_socket(fd)
    if not stat.S_ISFIFO(mode) and not os.isatty(fd):
        return Sink(fd, lambda data: os.write(fd, data))
    try:
        anew = os.open(ANEW.format(fd=fd), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:  # not on Linux, or another user's terminal
        return Sink(fd, lambda data: os.write(fd, data), waits=True)
    return Sink(anew, lambda data: os.write(anew, data))


def _open_socket(fd: int) -> Sink:
    import socket  # put off: few need it, and the start of a cpu child would wait for it

    own = socket.socket(fileno=os.dup(fd))
    return Sink(own.fileno(), lambda data: own.send(data, socket.MSG_DONTWAIT), forget=own.detach)


def same_file(fd: int, other: int) -> bool:
    """Whether two descriptors lead to one file; False where one is closed."""
    try:
        return os.path.sameopenfile(fd, other)
    except OSError:
        return False


def wait_writable(fd: int) -> None:
    """Waits until something more goes out, or never will."""
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    poll.poll()
