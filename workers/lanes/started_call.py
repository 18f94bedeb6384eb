"""The number of the call that a CPU child started last, in memory that it shares with its worker.

From this, the worker knows whether a child that has ended or does not answer ever started its job. A job can break the
socket for later jobs in many ways: a call that the child has not started is not to blame, and runs in another child.
This costs a job one store, and no job can close the memory.

Next to the number is a byte with which the worker asks the running job to stop; see `SyncContext.should_stop`.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import sys
from typing import Final

_NUMBER: Final = struct.Struct("=Q")
_STOP_AT: Final = _NUMBER.size
_BYTES: Final = _NUMBER.size + 1


class StartedCall:
    """The number of the call that was started last; 0 before the first."""

    def __init__(self, fd: int) -> None:
        """Maps the memory of a descriptor, which may be closed afterwards."""
        self._memory = mmap.mmap(fd, _BYTES)
        self._last = 0

    def set(self, number: int) -> None:
        """Marks a call as started; for the child."""
        _NUMBER.pack_into(self._memory, 0, number)

    def get(self) -> int:
        """The number, for the worker; after `close`, the last number."""
        if not self._memory.closed:
            self._last = int(_NUMBER.unpack_from(self._memory)[0])
        return self._last

    @property
    def should_stop(self) -> bool:
        """Whether the worker has asked the running job to stop; for the child."""
        return self._memory[_STOP_AT] != 0

    def ask_to_stop(self) -> None:
        """Asks the running job to stop; for the worker."""
        if not self._memory.closed:
            self._memory[_STOP_AT] = 1

    def close(self) -> None:
        """Unmaps the memory."""
        self.get()
        self._memory.close()


def open_shared_memory() -> int:
    """A descriptor of fresh memory that two processes can map; OSError if the system has none."""
    if sys.platform == "linux":
        fd = os.memfd_create("monarq-started-call", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    else:
        import tempfile  # deferred: a child on Linux starts without it

        fd, path = tempfile.mkstemp(prefix="monarq-started-call-")
        os.unlink(path)  # noqa: PTH108 - from here on only the descriptor is used
    os.ftruncate(fd, _BYTES)
    if sys.platform == "linux":
        # The system kills a process that reads a map whose file was truncated.
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    return fd
