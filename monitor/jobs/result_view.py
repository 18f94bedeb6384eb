"""What a job's result says, for people: read from msgpack, or from a pickle's opcodes; nothing is unpickled or made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from monarq.monitor.jobs.lanes import lane_named
from monarq.monitor.jobs.value_text import call_text, value_text
from monarq.shared.lane import LaneName
from monarq.shared.payloads.payload_head import Format
from monarq.shared.payloads.pickle_fields import Called, Items, read_fields
from monarq.shared.payloads.remote_error import EXCEPTION_CODE
from monarq.shared.payloads.signing import SIGNATURE_BYTES, is_signed
from monarq.shared.text.error_text import truncate

LARGEST_READ: Final = 1024 * 1024
"""Bytes of a payload or result from which on it is not decoded to be shown."""

_LARGEST_MS: Final = 2**53
_CANCELLED: Final = ("asyncio.exceptions.CancelledError", "CancelledError")


@dataclass(frozen=True, slots=True)
class ResultView:
    """A job's result, seen from outside. Times are unix ms by the worker's clock; what is not known is None or ''.

    Attributes:
        bytes: its size.
        format: what it is written in.
        signed: whether it carries a signature, which is not checked here.
        kept_until_ms: until when it is kept; None for ever.
        success: whether the job returned; None where that cannot be read.
        aborted: whether it was stopped because somebody wanted it.
        value: what it returned, as text.
        error: class and message of what it raised.
        error_type: the class alone.
        traceback: as text.
        name: the job's name.
        arguments: the job's arguments as they stand in a call; None where they were not asked for or cannot be read.
        tries: which try it was.
        lane: the lane that it ran in; None where the result cannot be read.
        enqueue_ms: when the job was enqueued, by its client's clock.
        start_ms: when its last run began.
        finish_ms: when that ended.
    """

    bytes: int
    format: Format = "unknown"
    signed: bool = False
    kept_until_ms: int | None = None
    success: bool | None = None
    aborted: bool = False
    value: str = ""
    error: str = ""
    error_type: str = ""
    traceback: str = ""
    name: str | None = None
    arguments: str | None = None
    tries: int | None = None
    lane: LaneName | None = None
    enqueue_ms: int | None = None
    start_ms: int | None = None
    finish_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Decoded:
    """The fields of arq's dict, of a job or of a result.

    Attributes:
        format: what they were written in.
        signed: whether they carry a signature.
        fields: by name; empty where nothing can be read safely.
    """

    format: Format
    signed: bool
    fields: Mapping[str, object]

    @property
    def arguments(self) -> str | None:
        """The arguments as they stand in a call; None where they cannot be read."""
        return call_text(self.fields.get("a", ()), self.fields.get("k", {})) if self.fields else None


def decode_safely(data: bytes) -> Decoded:
    """The fields of a payload or result, without unpickling; give no more than `LARGEST_READ` bytes."""
    signed = is_signed(data)
    inner = data[SIGNATURE_BYTES:] if signed else data
    if inner.startswith(b"\x80"):
        return Decoded("pickle", signed, read_fields(inner))
    try:
        # Without a hook extensions stay extensions: no exception is made again.
        value = msgspec.msgpack.decode(inner)
    except (msgspec.DecodeError, RecursionError, TypeError, ValueError):
        return Decoded("unknown", signed, {})
    if not isinstance(value, dict):
        return Decoded("unknown", signed, {})
    return Decoded("msgpack", signed, {name: field for name, field in value.items() if isinstance(name, str)})


def view_result(data: bytes, size: int, kept_until_ms: int | None, *, with_arguments: bool = False) -> ResultView:
    """Looks at a result; `data` may be its first bytes alone, where it is larger than `LARGEST_READ`."""
    if size > LARGEST_READ:
        return ResultView(size, kept_until_ms=kept_until_ms)
    decoded = decode_safely(data)
    fields, success = decoded.fields, decoded.fields.get("s")
    raised = fields.get("r") if success is False else None
    error = _error(raised) if success is False else _Error()
    return ResultView(
        bytes=size,
        format=decoded.format,
        signed=decoded.signed,
        kept_until_ms=kept_until_ms,
        success=success if isinstance(success, bool) else None,
        aborted=error.is_abort,
        value=value_text(fields.get("r")) if success is True else "",
        error=error.text,
        error_type=error.type_name,
        traceback=error.traceback,
        name=value if isinstance(value := fields.get("f"), str) else None,
        arguments=decoded.arguments if with_arguments else None,
        tries=_whole(fields.get("t")),
        lane=lane_named(fields.get("lane")) if fields else None,
        enqueue_ms=_whole(fields.get("et")),
        start_ms=_whole(fields.get("st")),
        finish_ms=_whole(fields.get("ft")),
    )


class _Error(NamedTuple):
    """What a job raised: its class, its text with the class before it, and its traceback."""

    type_name: str = ""
    text: str = ""
    traceback: str = ""
    is_abort: bool = False


def _error(raised: object) -> _Error:
    if isinstance(raised, msgspec.msgpack.Ext) and raised.code == EXCEPTION_CODE:
        return _remote_error(bytes(raised.data))
    if isinstance(raised, Called):
        arguments = raised.arguments.items if isinstance(raised.arguments, Items) else []
        kind = raised.name.removeprefix("builtins.")
        said = str(arguments[0]) if len(arguments) == 1 and isinstance(arguments[0], str) else ""
        said = said or (value_text(raised.arguments) if arguments else "")
        return _Error(kind, truncate(f"{kind}: {said}" if said else kind), is_abort=kind in _CANCELLED)
    return _Error(text=truncate(raised) if isinstance(raised, str) else value_text(raised))


def _remote_error(body: bytes) -> _Error:
    try:
        module, name, message, args, traceback, *_ = msgspec.msgpack.decode(body)
    except (msgspec.DecodeError, RecursionError, TypeError, ValueError):
        return _Error(text="<an error that cannot be read>")
    kind = str(name) if module in ("", "builtins") else f"{module}.{name}"
    # A cancelling that nobody ordered is told in words, without arguments.
    return _Error(
        kind, truncate(str(message)), truncate(str(traceback)), is_abort=kind in _CANCELLED and args is not None
    )


def _whole(value: object) -> int | None:
    return value if type(value) is int and 0 < value < _LARGEST_MS else None
