"""The protocol between a worker and its CPU child: messages in frames over a socket pair.

A frame is a fixed header (magic bytes, the kind, the body's length, the call's number) and one pickle. Both ends are
our own processes, so pickle is safe here. Used by child_process.py (the worker's side) and cpu_child/connection.py
(the child's side). It imports almost nothing, because it delays the child's start.
"""

from __future__ import annotations

import io
import pickle
import struct
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monarq.shared.tracing.carrier import Carrier
    from monarq.workers.config.log_settings import LogSettings
    from monarq.workers.runs.current_job import JobFields
    from monarq.workers.runs.raised_error import RaisedError

_MAGIC = b"mQ"
_HEADER = struct.Struct("<2sBQQ")
PICKLE_PROTOCOL = 5

BROKEN_SOCKET_EXIT = 86
"""The exit code of a child that found its socket closed or misused."""

CLOSE_FAILED_EXIT = 87
"""The exit code of a child of which a lifespan raised an exception when it closed."""

READ_BYTES = 1 << 16
"""The size of one read: below malloc's mmap threshold, so that a small frame costs no page faults."""


class FrameKind(IntEnum):
    """The message that a frame carries, with the type of its body in brackets."""

    HELLO = 1
    """worker -> child: the settings of the child (Hello)."""
    READY = 2
    """child -> worker: preloaded and waiting (int: the peak memory at which its kernel counter started, in bytes)."""
    CALL = 3
    """worker -> child: run this (CpuCall)."""
    RESULT = 4
    """child -> worker: what the function returned."""
    FAILURE = 5
    """child -> worker: the function, or the preloading, raised (Failure)."""
    UNPICKLABLE = 6
    """child -> worker: the arguments or the result cannot be pickled (a tuple: which of them, the reason)."""
    MESSAGE = 7
    """child -> worker: a message from the running job, such as its progress."""


class Lead(Enum):
    """What the child itself passes before a function's arguments."""

    CONTEXT = 1
    """The job's context, built from `CpuCall.job`."""


class ProducerOptions(NamedTuple):
    """How jobs of the child reach Redis if they ask for a producer."""

    url: str
    queue: str
    format: str
    codec: str
    allow_pickle: bool
    max_payload: int


class Hello(NamedTuple):
    """The first message to a new child: its settings."""

    sys_path: list[str]
    python_path: str | None
    """The worker's PYTHONPATH; the child restores it for the processes that jobs start."""
    preload: list[str]
    log: LogSettings | None
    """How to log; None leaves that to the jobs."""
    worker_id: str
    max_error_text: int
    producer: ProducerOptions | None = None
    """For jobs that ask for a producer; None if their Redis cannot be named to another process."""
    lifespans: Sequence[tuple[str, str]] = ()
    """The functions that open resources for all its jobs: each a module and a path in it."""
    jobs_with_resources: Sequence[str] = ()


class CpuCall(NamedTuple):
    """A function to run in the child, by name.

    Attributes:
        module: the module to import it from.
        qualname: the attribute path in that module, and the function's name in messages.
        args: its positional arguments.
        kwargs: its keyword arguments.
        context: passed as the first positional argument if not None; `Lead.CONTEXT` for one that the child creates.
        job: the job that it is called for, for its log lines.
        trace: the trace context of the job's span, which is the parent of spans that the job creates.
        has_resources: whether the child opens resources for it.
        declared: the name of the job that the import declares and whose function to call; None: use the attribute path.
    """

    module: str
    qualname: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    context: Any | None
    job: JobFields | None = None
    trace: Carrier | None = None
    declared: str | None = None
    has_resources: bool = False


class Failure(NamedTuple):
    """An exception that is sent to the worker."""

    type_name: str
    message: str
    traceback_text: str
    pickled: bytes | None
    """The pickled exception; None if it cannot be pickled or must not be raised in the worker."""
    raised: RaisedError
    """What the retry rules need to know about the original exception, however it arrives."""


class Frame(NamedTuple):
    """A complete frame, header included; its body is still pickled."""

    kind: FrameKind
    call: int
    data: bytearray

    def load(self) -> object:
        """Unpickles the body; raises whatever unpickling raises."""
        with memoryview(self.data) as view, view[_HEADER.size :] as body:
            value: object = pickle.loads(body)  # noqa: S301 - from our own child or worker, never from outside
        return value


def dump_frame(kind: FrameKind, call: int, value: object) -> bytes:
    """The bytes of a frame. `value` is pickled directly after the header, so that a big one is copied only once.

    The bytes are a copy, not a view of the stream: in a reference cycle, the collector may free the stream before the
    view, which crashes some versions of Python.

    Raises:
        Exception: whatever pickling `value` raises; a user's class may raise anything.
    """
    out = io.BytesIO()
    out.write(_HEADER.pack(_MAGIC, kind, 0, call))
    pickle.Pickler(out, PICKLE_PROTOCOL).dump(value)
    body_bytes = out.tell() - _HEADER.size
    out.seek(0)
    out.write(_HEADER.pack(_MAGIC, kind, body_bytes, call))
    return out.getvalue()


class FrameBuffer:
    """Collects received bytes into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def __bool__(self) -> bool:
        """Whether a partial frame was received."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> None:
        """Adds received bytes."""
        self._buffer += data

    def take(self) -> Frame | None:
        """The next complete frame; None if more bytes are needed.

        Raises:
            ValueError: the bytes are not the header of a frame.
        """
        if len(self._buffer) < _HEADER.size:
            return None
        magic, number, body_bytes, call = _HEADER.unpack_from(self._buffer)
        if magic != _MAGIC:
            raise ValueError("the bytes received are not a frame")
        kind = FrameKind(number)
        end = _HEADER.size + body_bytes
        if len(self._buffer) < end:
            return None
        return Frame(kind, call, self._cut(end))

    def _cut(self, end: int) -> bytearray:
        # The buffer nearly always holds just this frame, and is returned without a copy: it may be 100 MB.
        if len(self._buffer) == end:
            data, self._buffer = self._buffer, bytearray()
            return data
        data = self._buffer[:end]
        del self._buffer[:end]
        return data
