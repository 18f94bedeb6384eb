"""Which call a CPU child has begun: one number in memory that it shares with its worker.

So the worker knows of a child that has ended, or says nothing, whether it ever took its job on. A job may spoil the
socket for those after it, in more ways than can be listed: what the child has not begun has no part in that, and runs
in another one. It costs a job one store, and no job can close it.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import sys
from typing import Final

_NUMBER: Final = struct.Struct("=Q")


class BegunMark:
    """The number of the call that was begun last; 0 before the first."""

    def __init__(self, fd: int) -> None:
        """Maps the memory behind a descriptor, which may be closed then."""
        self._memory = mmap.mmap(fd, _NUMBER.size)
        self._last = 0

    def set(self, number: int) -> None:
        """The child's side: begins a call."""
        _NUMBER.pack_into(self._memory, 0, number)

    def get(self) -> int:
        """The worker's side; once it is closed, what stood there last."""
        if not self._memory.closed:
            self._last = int(_NUMBER.unpack_from(self._memory)[0])
        return self._last

    def close(self) -> None:
        """Lets the memory go."""
        self.get()
        self._memory.close()


def open_shared() -> int:
    """A descriptor of fresh memory for a mark, for two processes to map; OSError where the system has none."""
    if sys.platform == "linux":
        fd = os.memfd_create("monarq-begun", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    else:
        import tempfile  # put off: a child on Linux starts without it

        fd, path = tempfile.mkstemp(prefix="monarq-begun-")
        os.unlink(path)  # noqa: PTH108 - it goes by its number from here on
    os.ftruncate(fd, _NUMBER.size)
    if sys.platform == "linux":
        # A map whose file was cut off under it ends the process that reads there.
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    return fd
