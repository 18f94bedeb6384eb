"""What a process that a job forks gets of its worker's connections: nothing.

A fork has all descriptors of its parent. Kept open in a child that lives on, the worker's would hide its death from
its supervisor, from Redis and from its cpu child. Each part of a worker that has such descriptors names itself here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Protocol
from weakref import WeakSet

if TYPE_CHECKING:
    import asyncio  # for annotations only: the cpu child's start waits for what is imported here


class Holder(Protocol):
    """Something with descriptors that are the worker's alone."""

    def filenos(self) -> Iterable[int]:
        """Those that are open now."""
        ...


class Forks:
    """The forks of this process.

    1. keep_apart: from then on a fork parts with the worker's descriptors.
    2. the code of a fork must not come back into the worker: where it does, the fork ends.
    """

    def __init__(self) -> None:
        self._holders: WeakSet[Holder] = WeakSet()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_fork = False

    def part_from(self, holder: Holder) -> None:
        """What it holds is not for forks."""
        self._holders.add(holder)

    def keep_apart(self) -> None:
        """To be called once in a process that is a worker's alone."""
        os.register_at_fork(after_in_child=self._part)

    def keep_from(self, loop: asyncio.AbstractEventLoop) -> None:
        """This loop must never turn in a fork."""
        self._loop = loop

    def end_if_fork(self) -> None:
        """Ends the process where it is a fork, and its job has come back as if it were the worker."""
        if self._is_fork:
            os._exit(1)

    def _part(self) -> None:
        self._is_fork = True
        close_in_fork(fd for holder in self._holders for fd in holder.filenos())
        if self._loop is not None:
            self._loop.call_soon(os._exit, 1)


def close_in_fork(fds: Iterable[int]) -> None:
    """Parts with descriptors, and keeps their numbers taken: objects of the parent will close them once more."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in fds:
        if fd >= 0:
            os.dup2(null, fd, inheritable=False)
    os.close(null)


FORKS: Final = Forks()
"""The one object that lives as long as the process."""
