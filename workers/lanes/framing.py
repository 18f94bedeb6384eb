"""The frames that a worker and its CPU child send each other over a socket pair.

A frame is a fixed header (body length, kind, job number) and one pickle. Both ends are our own processes, so pickle is
safe here. Used by child_process.py (the worker's side) and cpu_child.py (the child's side); it imports next to
nothing, because the child's start waits for it.
"""

from __future__ import annotations

import io
import pickle
import struct
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from monarq.shared.tracing import Carrier
    from monarq.workers.log_setup import LogSettings
    from monarq.workers.running import JobFields

_HEADER = struct.Struct("<QBQ")
PICKLE_PROTOCOL = 5

READ_BYTES = 1 << 16
"""How much one read asks for: below malloc's mmap threshold, so that a small frame costs no page faults."""


class Kind(IntEnum):
    """What a frame says. The body's type is given in brackets."""

    HELLO = 1
    """worker -> child: how to set itself up (Hello)."""
    READY = 2
    """child -> worker: preloaded and waiting (int: the peak memory its kernel counter started at, in bytes)."""
    CALL = 3
    """worker -> child: run this (Call)."""
    RESULT = 4
    """child -> worker: what the function returned."""
    FAILURE = 5
    """child -> worker: the function, or the preloading, raised (Failure)."""
    UNPICKLABLE = 6
    """child -> worker: the arguments or the result do not cross (a tuple: what, the reason)."""
    MESSAGE = 7
    """child -> worker: something the running job sends on its way, such as its progress."""


class Hello(NamedTuple):
    """What a new child is told first."""

    sys_path: list[str]
    python_path: str | None
    """PYTHONPATH as the worker had it; the child puts it back for the processes that jobs start."""
    preload: list[str]
    log: LogSettings | None
    """How to log; None leaves that to the jobs."""
    worker_id: str
    max_error_text: int


class Call(NamedTuple):
    """What the child is to run; the fields are those of cpu.CpuCall."""

    module: str
    qualname: str
    args: tuple[object, ...]
    kwargs: dict[str, object]
    context: object | None
    job: JobFields | None
    trace: Carrier | None


class Failure(NamedTuple):
    """An exception on its way to the worker."""

    type_name: str
    message: str
    traceback_text: str
    pickled: bytes | None
    """A pickle that gives the same exception; None where there is none, or it must not be raised in the worker."""


class Frame(NamedTuple):
    """A frame that has come in whole; its body is still pickled."""

    kind: Kind
    job: int
    body: memoryview

    def load(self) -> object:
        """Unpickles the body; raises whatever unpickling raises."""
        value: object = pickle.loads(self.body)  # noqa: S301 - from our own child or worker, never from outside
        return value


def dump_frame(kind: Kind, job: int, value: object) -> memoryview:
    """Pickles `value` straight behind its header, so that a big one is copied once.

    Raises:
        Exception: whatever pickling `value` raises; a class of the user's may raise anything.
    """
    out = io.BytesIO()
    out.write(_HEADER.pack(0, kind, job))
    pickle.Pickler(out, PICKLE_PROTOCOL).dump(value)
    body_bytes = out.tell() - _HEADER.size
    out.seek(0)
    out.write(_HEADER.pack(body_bytes, kind, job))
    # Not getbuffer(): from Python 3.13 on a BytesIO complains when it is collected before a view of it.
    return memoryview(out.getvalue())


class FrameBuffer:
    """Bytes as they come in, frames as they are whole."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Adds what was read."""
        self._buffer += data

    def take(self) -> Frame | None:
        """The next whole frame, or None until more is fed.

        Raises:
            ValueError: the header is not one of ours.
        """
        if len(self._buffer) < _HEADER.size:
            return None
        body_bytes, number, job = _HEADER.unpack_from(self._buffer)
        kind = Kind(number)
        end = _HEADER.size + body_bytes
        if len(self._buffer) < end:
            return None
        return Frame(kind, job, self._cut(end))

    def _cut(self, end: int) -> memoryview:
        # Nearly always the buffer holds this one frame: it is handed over as it is, as a copy of 100 MB would be felt.
        if len(self._buffer) == end:
            whole, self._buffer = self._buffer, bytearray()
            return memoryview(whole)[_HEADER.size :]
        body = memoryview(bytes(self._buffer[_HEADER.size : end]))
        del self._buffer[:end]
        return body
