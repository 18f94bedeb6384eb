"""The frames that a worker and its CPU child send each other over a socket pair.

A frame is a fixed header (a mark, the kind, the body's length, the job's number) and one pickle. Both ends are our own
processes, so pickle is safe here. Used by child_process.py (the worker's side) and child_link.py (the child's side); it
imports next to nothing, because the child's start waits for it.
"""

from __future__ import annotations

import io
import pickle
import struct
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from monarq.shared.tracing.carrier import Carrier
    from monarq.workers.config.log_settings import LogSettings
    from monarq.workers.runs.current_job import JobFields
    from monarq.workers.runs.raised import RaisedError

_MAGIC = b"mQ"
_HEADER = struct.Struct("<2sBQQ")
PICKLE_PROTOCOL = 5

SPOILED_EXIT = 86
"""The exit code of a child that found its socket closed or misused."""

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
    declared: str | None


class Failure(NamedTuple):
    """An exception on its way to the worker."""

    type_name: str
    message: str
    traceback_text: str
    pickled: bytes | None
    """A pickle that gives the same exception; None where there is none, or it must not be raised in the worker."""
    raised: RaisedError
    """What it is, whatever it arrives as."""


class Frame(NamedTuple):
    """A frame that has come in whole, header and all; its body is still pickled."""

    kind: Kind
    job: int
    whole: bytearray

    def load(self) -> object:
        """Unpickles the body; raises whatever unpickling raises."""
        with memoryview(self.whole) as view, view[_HEADER.size :] as body:
            value: object = pickle.loads(body)  # noqa: S301 - from our own child or worker, never from outside
        return value


def dump_frame(kind: Kind, job: int, value: object) -> bytes:
    """Pickles `value` straight behind its header, so that a big one is copied once.

    The bytes are the frame's own: a view of the stream would live on in whatever cycle holds it, and the collector may
    free the stream under it, which ends the process on some versions of Python.

    Raises:
        Exception: whatever pickling `value` raises; a class of the user's may raise anything.
    """
    out = io.BytesIO()
    out.write(_HEADER.pack(_MAGIC, kind, 0, job))
    pickle.Pickler(out, PICKLE_PROTOCOL).dump(value)
    body_bytes = out.tell() - _HEADER.size
    out.seek(0)
    out.write(_HEADER.pack(_MAGIC, kind, body_bytes, job))
    return out.getvalue()


class FrameBuffer:
    """Bytes as they come in, frames as they are whole."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def __bool__(self) -> bool:
        """Whether a part of a frame has come in."""
        return bool(self._buffer)

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
        magic, number, body_bytes, job = _HEADER.unpack_from(self._buffer)
        if magic != _MAGIC:
            raise ValueError("this is no frame")
        kind = Kind(number)
        end = _HEADER.size + body_bytes
        if len(self._buffer) < end:
            return None
        return Frame(kind, job, self._cut(end))

    def _cut(self, end: int) -> bytearray:
        # Nearly always the buffer holds this one frame: it is handed over as it is, as a copy of 100 MB would be felt.
        if len(self._buffer) == end:
            whole, self._buffer = self._buffer, bytearray()
            return whole
        whole = self._buffer[:end]
        del self._buffer[:end]
        return whole
