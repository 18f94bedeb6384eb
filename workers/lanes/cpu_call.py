"""Packs a call for the CPU child, and unpacks its outcome: a result, an error or the child's death."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from monarq.shared.text.traceback_text import RemoteTraceback
from monarq.workers.lanes.child_process import STOPPED, ChildProcess
from monarq.workers.lanes.child_protocol import CpuCall, Failure, Frame, FrameKind
from monarq.workers.lanes.memory_guard import MemoryGuard
from monarq.workers.runs.cpu_errors import (
    CpuJobDied,
    CpuJobError,
    CpuJobStopped,
    CpuMemoryExceeded,
    CpuPickleError,
)
from monarq.workers.runs.raised_error import RaisedError
from monarq.workers.system.reaper import ExitStatus


def pack_call(child: ChildProcess, call: CpuCall) -> bytes:
    """The call's frame; CpuPickleError if its arguments cannot be pickled."""
    try:
        return child.pack(FrameKind.CALL, call)
    except Exception as error:
        raise CpuPickleError(call.qualname, "arguments", f"{type(error).__name__}: {error}") from error


def outcome_of(call: CpuCall, frame: Frame, on_raised: Callable[[RaisedError], None] | None = None) -> Any:
    """The result in the child's answer, or raises its error after calling `on_raised` with the error's description."""
    try:
        value: Any = frame.load()
    except Exception as error:
        raise CpuPickleError(call.qualname, "result", f"{type(error).__name__}: {error}") from error
    if frame.kind is FrameKind.RESULT:
        return value
    if isinstance(value, Failure):
        if on_raised is not None:
            on_raised(value.raised)
        raise exception_of(value)
    what, reason = value
    raise CpuPickleError(call.qualname, what, reason)


def exception_of(failure: Failure) -> Exception:
    """The exception that the function raised; a CpuJobError in its place if it cannot be unpickled."""
    error: object = None
    if failure.pickled is not None:
        # Unpickling runs the class's own __init__, which may raise anything.
        with suppress(Exception):
            error = pickle.loads(failure.pickled)  # noqa: S301 - from our own child
    if not isinstance(error, Exception):
        error = CpuJobError(failure.type_name, failure.message, failure.traceback_text)
    # Bypasses the class's own __setattr__, which may refuse, as in a frozen dataclass.
    BaseException.__setattr__(error, "__cause__", RemoteTraceback(failure.traceback_text))
    return error


def death_of(call: CpuCall, status: ExitStatus, guard: MemoryGuard | None) -> CpuJobDied:
    """The error for a child that ended while it ran the call."""
    seen_bytes = 0 if guard is None else guard.peak_bytes
    peak_bytes = max(status.peak_memory_bytes or 0, seen_bytes) or None
    if guard is not None and guard.exceeded:
        return CpuMemoryExceeded(call.qualname, guard.limit_bytes, seen_bytes, peak_bytes)
    kind = CpuJobStopped if status.reason == STOPPED else CpuJobDied
    died = kind(call.qualname, status.exit_code, status.signal_name, peak_bytes, status.reason)
    died.peak_is_bound = status.peak_is_bound and peak_bytes != seen_bytes
    return died
