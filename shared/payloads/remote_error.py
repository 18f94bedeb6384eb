"""Serialization of exceptions: how a job's exception is written to a result, and rebuilt by the reader.

It arrives unchanged, which is tested before it is sent, or as a `JobFailedError` with its class, text and traceback.
"""

from __future__ import annotations

import asyncio
import builtins
import sys
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from monarq.shared.errors import JobFailedError, StandInError
from monarq.shared.payloads.error_equality import error_attributes, errors_equal
from monarq.shared.payloads.error_pickle import is_large
from monarq.shared.set_module import defining_module
from monarq.shared.stand_ins import real_value
from monarq.shared.text.error_text import error_text, is_stand_in, qualified_name, type_name_of
from monarq.shared.text.traceback_text import RemoteTraceback, traceback_text

EXCEPTION_CODE: Final = 1
"""msgpack's extension type of an exception."""


class _RemoteError(msgspec.Struct, array_like=True):
    """An exception as it is encoded in msgpack.

    Attributes:
        module: the module that defines its class; '' if the class's name includes it.
        qualname: its class.
        message: class and text.
        args: the arguments for its class; None if the class must not be called.
        traceback: the worker's traceback as text.
        bare_args: its arguments if it is rebuilt without its ``__init__``.
        attributes: the attributes to set on it once it is rebuilt.
    """

    module: str
    qualname: str
    message: str
    args: tuple[Any, ...] | None
    traceback: str
    bare_args: tuple[Any, ...] | None = None
    attributes: dict[str, Any] = {}

    @property
    def type_name(self) -> str:
        """The class as `qualified_name` returns it."""
        return self.qualname if self.module in ("", "builtins") else f"{self.module}.{self.qualname}"


def encode_exception(value: object) -> object:
    """The msgspec hook for unknown types: an exception becomes its class's name, arguments and traceback."""
    if not isinstance(value, BaseException):
        if (meant := real_value(value)) is not value:
            return meant
        raise TypeError(f"msgpack cannot hold an object of type {qualified_name(type(value))}")
    encoded = _round_trip(value, traceback_text(value))
    return msgspec.msgpack.Ext(EXCEPTION_CODE, _as_text(value) if encoded is None else encoded)


def arrives_unchanged(error: BaseException) -> bool:
    """Whether an exception that is itself a value is rebuilt as an equal one, with its arguments and attributes."""
    return type(error) is JobFailedError or _round_trip(error, "") is not None


def decode_extension(code: int, body: memoryview) -> object:
    """The msgspec hook for extension types: rebuilds an exception; other codes stay as they are."""
    if code != EXCEPTION_CODE:
        return msgspec.msgpack.Ext(code, bytes(body))
    return _rebuild(_DECODER.decode(body))


def as_job_failed(error: BaseException) -> JobFailedError:
    """The `JobFailedError` for an exception that the reader cannot rebuild or must not raise."""
    return JobFailedError(error_text(error), type_name_of(error), traceback_text(error))


def as_stand_in(error: BaseException) -> StandInError:
    """The stand-in for an exception that, if raised in the worker, would affect more than the job's own coroutine."""
    stand_in = StandInError(error_text(error), type_name_of(error), traceback_text(error))
    stand_in.__cause__ = RemoteTraceback(stand_in.traceback)
    return stand_in


def inspectable(error: BaseException) -> BaseException:
    """The exception, or a stand-in if its ``__class__`` raises, so that no ``isinstance`` would work on it."""
    try:
        error.__class__  # noqa: B018
    except BaseException as broken:  # noqa: BLE001 - a user's property may raise anything
        name = qualified_name(type(error))
        return StandInError(f"{name}: <its __class__ raised {qualified_name(type(broken))}>", name, "")
    return error


def may_be_raised(error: object) -> bool:
    """Whether an exception can be raised from a coroutine and affects only the caller that awaits it."""
    return isinstance(error, Exception) and not isinstance(error, (StopIteration, StopAsyncIteration))


def _encode_member(value: object) -> msgspec.msgpack.Ext:
    """The hook for exceptions inside another one. Each must arrive unchanged; its traceback is in the outer one's."""
    encoded = _round_trip(value, "") if isinstance(value, BaseException) else None
    if encoded is None:
        raise TypeError(f"msgpack cannot hold an object of type {qualified_name(type(value))}")
    return msgspec.msgpack.Ext(EXCEPTION_CODE, encoded)


def _round_trip(error: BaseException, trace: str) -> bytes | None:
    """The exception in a form that was checked to rebuild an equal one; None if there is none."""
    if isinstance(error, asyncio.CancelledError):
        return _ENCODER.encode(_to_remote(error, trace, tuple(each for each in error.args[:1] if type(each) is str)))
    kind = type(error)
    if is_stand_in(error) or is_large(error) or _class_of(defining_module(kind), kind.__qualname__) is not kind:
        return None
    try:
        for form in _forms(error, trace):
            body = _ENCODER.encode(form)
            if errors_equal(error, _rebuild(_DECODER.decode(body))):
                return body
    except BaseException:  # noqa: BLE001 - the user's classes may raise any exception
        return None
    return None


def _forms(error: BaseException, trace: str) -> Iterator[_RemoteError]:
    attributes = error_attributes(error)
    if isinstance(error, BaseExceptionGroup):
        del attributes["message"], attributes["exceptions"]  # set by its arguments
    reduced = error.__reduce__()
    if isinstance(reduced, tuple) and reduced[0] is type(error):
        yield _to_remote(error, trace, reduced[1], attributes)
    bare = _to_remote(error, trace, None, attributes)
    bare.bare_args = error.args
    yield bare


def _to_remote(
    error: BaseException, trace: str, args: tuple[Any, ...] | None, attributes: dict[str, Any] | None = None
) -> _RemoteError:
    kind = type(error)
    return _RemoteError(
        defining_module(kind), kind.__qualname__, _sent_text(error), args, trace, None, attributes or {}
    )


def _sent_text(error: BaseException) -> str:
    """Class and text, with the module that defines the class.

    Versions of monarq whose errors do not show `monarq` as their module rebuild an error only if its text is this one.
    """
    kind, text = type(error), error_text(error)
    module = defining_module(kind)
    return text if module == kind.__module__ else f"{module}.{text.removeprefix(f'{kind.__module__}.')}"


def _as_text(error: BaseException) -> bytes:
    return _ENCODER.encode(_RemoteError("", type_name_of(error), error_text(error), None, traceback_text(error)))


def _rebuild(remote: _RemoteError) -> BaseException:
    """The exception itself if its class is already loaded here, else a `JobFailedError`.

    Nothing is imported for it, as a result must not decide which code is loaded.
    """
    if (remote.module, remote.qualname) == ("asyncio.exceptions", "CancelledError"):
        return asyncio.CancelledError(*map(str, (remote.args or ())[:1]))
    try:
        error = _build(remote)
        # This process may have another class with that name, or another version of it.
        if error is None or _sent_text(error) != remote.message:
            return _stand_in(remote)
    except Exception:  # noqa: BLE001 - the user's class may raise any exception
        return _stand_in(remote)
    if remote.traceback:
        cause = JobFailedError(error_text(error), qualified_name(type(error)), remote.traceback)
        BaseException.__setattr__(error, "__cause__", cause)
    return error


def _build(remote: _RemoteError) -> Exception | None:
    kind = _class_of(remote.module, remote.qualname)
    if kind is None or (remote.args is None and remote.bare_args is None):
        return None
    if remote.args is not None:
        error: Exception = kind(*remote.args)
    else:
        bare_args = remote.bare_args or ()
        error = kind.__new__(kind, *bare_args)
        error.args = bare_args
    for name, value in remote.attributes.items():
        # Bypass the class's own __setattr__, which may refuse, as in a frozen dataclass.
        BaseException.__setattr__(error, name, value)
    return error


def _class_of(module: str, qualname: str) -> type[Exception] | None:
    """The class of an exception that may be raised here, if it is loaded; never another object with that name."""
    kind: object = builtins if module == "builtins" else sys.modules.get(module)
    for part in qualname.split("."):
        kind = getattr(kind, part, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        return None
    return None if issubclass(kind, (StopIteration, StopAsyncIteration)) else kind


def _stand_in(remote: _RemoteError) -> JobFailedError:
    return JobFailedError(remote.message, remote.type_name, remote.traceback)


_ENCODER: Final = msgspec.msgpack.Encoder(enc_hook=_encode_member)
_DECODER: Final = msgspec.msgpack.Decoder(_RemoteError, ext_hook=decode_extension)
