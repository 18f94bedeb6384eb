"""Exceptions as data: how one that a job raised travels in a result, and is made again on the other side."""

from __future__ import annotations

import asyncio
import builtins
import sys
import traceback
from typing import Any, Final

import msgspec

from monarq.shared.errors import JobFailedError

EXCEPTION_CODE: Final = 1
"""msgpack's extension type of an exception."""


class _RemoteError(msgspec.Struct, array_like=True):
    """An exception as it travels in msgpack."""

    module: str
    qualname: str
    message: str
    args: tuple[Any, ...] | None
    traceback: str


def qualified_name(kind: type) -> str:
    """A class as ``module.QualName``, or its bare name where it is a builtin."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def error_text(error: BaseException) -> str:
    """An exception in one line: class and message."""
    try:
        message = str(error)
    except BaseException as broken:  # noqa: BLE001 - a user's __str__ may raise anything
        message = f"<its str() raised {type(broken).__name__}>"
    name = qualified_name(type(error))
    return _utf8(f"{name}: {message}" if message else name)


def traceback_text(error: BaseException) -> str:
    """An exception's traceback as text; '' where it has none."""
    if error.__traceback__ is None and error.__cause__ is None:
        return ""
    try:
        return _utf8("".join(traceback.format_exception(error)))
    except BaseException:  # noqa: BLE001 - a user's __str__ may raise anything
        return _utf8("".join(traceback.format_tb(error.__traceback__)))


def _utf8(text: str) -> str:
    """Text that can be written: file names that are no UTF-8 come into messages as halves of surrogate pairs."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def encode_exception(value: object) -> msgspec.msgpack.Ext:
    """Msgspec's hook for what it does not know: an exception becomes its class's name, arguments and traceback."""
    if not isinstance(value, BaseException):
        raise TypeError(f"an object of type {qualified_name(type(value))} has no place in msgpack")
    kind = type(value)
    message, trace = error_text(value), traceback_text(value)
    try:
        body = msgspec.msgpack.encode(_RemoteError(kind.__module__, kind.__qualname__, message, value.args, trace))
    except Exception:  # noqa: BLE001 - an argument that does not serialize must not hide the error itself
        body = msgspec.msgpack.encode(_RemoteError(kind.__module__, kind.__qualname__, message, None, trace))
    return msgspec.msgpack.Ext(EXCEPTION_CODE, body)


def decode_extension(code: int, body: memoryview) -> object:
    """Msgspec's hook for extension types: the exception again; other codes stay as they are."""
    if code != EXCEPTION_CODE:
        return msgspec.msgpack.Ext(code, bytes(body))
    return _rebuild(msgspec.msgpack.decode(body, type=_RemoteError))


def _rebuild(remote: _RemoteError) -> BaseException:
    """The exception itself where its class is already loaded here, else one that tells of it.

    Nothing is imported for it: a result must not decide what code is loaded.
    """
    cause = JobFailedError(remote.traceback or remote.message, f"{remote.module}.{remote.qualname}", remote.traceback)
    if (remote.module, remote.qualname) == ("asyncio.exceptions", "CancelledError"):
        return asyncio.CancelledError(*(remote.args or ()))
    kind: object = builtins if remote.module == "builtins" else sys.modules.get(remote.module)
    for part in remote.qualname.split("."):
        kind = getattr(kind, part, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)) or remote.args is None:
        return JobFailedError(remote.message, cause.type_name, remote.traceback)
    try:
        error = kind(*remote.args)
    except Exception:  # noqa: BLE001 - a user's __init__ may want other arguments than its args
        return JobFailedError(remote.message, cause.type_name, remote.traceback)
    error.__cause__ = cause if remote.traceback else None
    return error
