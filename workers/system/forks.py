"""Makes sure that forks made by jobs inherit neither the worker's connections nor its signal handlers.

A fork has all descriptors and handlers of its parent. If a child kept the worker's descriptors open, they would hide
the worker's death from its supervisor, from Redis and from its CPU child. Its handlers would swallow the SIGTERM with
which multiprocessing ends its processes. This module imports almost nothing, because it delays the CPU child's start.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol
from weakref import WeakSet

if TYPE_CHECKING:
    import asyncio


class DescriptorHolder(Protocol):
    """An object with descriptors that belong only to the worker."""

    def filenos(self) -> Iterable[int]:
        """The descriptors that are open now."""
        ...


class ForkGuard:
    """Isolates forks of this process from it.

    1. close_in_forks, install: from then on, a fork closes the worker's descriptors.
    2. forbid_loop: called once, when the process has created its loop and no other.
    3. A fork whose job returns into the worker's code exits (exit_if_fork, forbid_loop).
    """

    def __init__(self) -> None:
        self._holders: WeakSet[DescriptorHolder] = WeakSet()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._polls: list[int] = []
        self._is_fork = False

    def close_in_forks(self, holder: DescriptorHolder) -> None:
        """Makes forks close the descriptors of this object."""
        self._holders.add(holder)

    def install(self) -> None:
        """Starts guarding; call it once, in a process that runs only a worker."""
        os.register_at_fork(after_in_child=self._separate)

    def forbid_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Makes a fork that runs this loop exit before it reads anything; no other loop may exist yet."""
        self._loop = loop
        self._polls = _epolls()

    def exit_if_fork(self) -> None:
        """Exits if this process is a fork whose job has returned into the worker's code."""
        if self._is_fork:
            os._exit(1)

    def _separate(self) -> None:
        self._is_fork = True
        close_in_fork(fd for holder in self._holders for fd in holder.filenos())
        if self._loop is not None:
            # The loop polls once more before it exits. A connection that was being opened when the process forked
            # belongs to no holder yet: the worker would wait forever for what the fork received from it.
            _poll_nothing(self._polls)
            self._loop.call_soon(os._exit, 1)


def _epolls() -> list[int]:
    """The epoll descriptors of this process. Only Linux lets forks inherit what they poll."""
    found = []
    with suppress(OSError):
        for link in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                if link.readlink().name == "anon_inode:[eventpoll]":
                    found.append(int(link.name))
    return found


def _poll_nothing(epolls: Iterable[int]) -> None:
    for fd in epolls:
        with select.epoll() as empty:
            os.dup2(empty.fileno(), fd, inheritable=False)


def close_in_fork(fds: Iterable[int]) -> None:
    """Points descriptors at /dev/null. Their numbers stay in use, since objects of the parent will close them again."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in fds:
        if fd >= 0:
            os.dup2(null, fd, inheritable=False)
    os.close(null)


FORK_GUARD: Final = ForkGuard()
"""The guard of this process."""


class ForkSignals:
    """Signals that this process handles, but that have their default actions in its forks."""

    def __init__(self) -> None:
        self._thread = threading.local()
        self._handlers: dict[int, Any] = {}

    def reset_in_forks(self, numbers: Iterable[signal.Signals]) -> None:
        """Makes forks drop the current handlers of these signals; forks keep handlers that a job sets later."""
        if not self._handlers:
            os.register_at_fork(before=self._block, after_in_parent=self._unblock, after_in_child=self._reset)
        self._handlers |= {number: signal.getsignal(number) for number in numbers}

    def _block(self) -> None:
        """Before a fork: a fork that is terminated immediately would lose the signal to our handler."""
        self._thread.mask = signal.pthread_sigmask(signal.SIG_BLOCK, self._handlers)

    def _unblock(self) -> None:
        """After a fork, in the parent."""
        signal.pthread_sigmask(signal.SIG_SETMASK, self._thread.mask)

    def _reset(self) -> None:
        """After a fork, in the new process."""
        for number, handler in self._handlers.items():
            if signal.getsignal(number) == handler:
                signal.signal(number, _default_of(number))
        # An event loop learns of signals through this descriptor: the fork's signals would reach the parent's loop.
        with suppress(ValueError):
            signal.set_wakeup_fd(-1)
        self._unblock()


def _default_of(number: int) -> signal.Handlers | Any:
    return signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
