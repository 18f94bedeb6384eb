"""Exceptions in msgpack: rebuilt as they were, else told in words; no code is loaded, and nothing else is called."""

from __future__ import annotations

import asyncio
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from monarq.shared.errors import JobDeadError, JobFailedError, StandInError
from monarq.shared.payloads.error_equality import errors_equal
from monarq.shared.payloads.remote_error import (
    EXCEPTION_CODE,
    as_job_failed,
    as_stand_in,
    decode_extension,
    encode_exception,
    may_be_raised,
)
from monarq.shared.text.error_text import max_error_text


class RefusingError(Exception):
    """Cannot be called by its args."""

    def __init__(self, text: str, *, code: int) -> None:
        super().__init__(text)
        self.code = code


class SlotError(Exception):
    __slots__ = ("place",)

    def __init__(self, place: int) -> None:
        super().__init__("slots")
        self.place = place


class ReducedError(Exception):
    def __init__(self, left: str, right: str) -> None:
        super().__init__(f"{left}-{right}")

    def __reduce__(self) -> tuple[Any, ...]:
        left, right = self.args[0].split("-")
        return type(self), (left, right)


class RudeError(Exception):
    def __reduce__(self) -> tuple[Any, ...]:
        raise SystemExit("rude")


class Outer:
    class InnerError(Exception):
        pass


def noted(error: Exception) -> Exception:
    error.add_note("a note")
    return error


def raised(error: BaseException) -> BaseException:
    """The error with a traceback."""
    try:
        raise error
    except BaseException as caught:
        return caught


def travel(error: object) -> Any:
    encoded = encode_exception(error)
    assert encoded.code == EXCEPTION_CODE
    return decode_extension(encoded.code, memoryview(encoded.data))


def sent(module: str, qualname: str, text: str, args: tuple[Any, ...] = ("no",), trace: str = "") -> Any:
    """An exception as it is read where a hostile worker, or one of another version, has sent it."""
    body = msgspec.msgpack.encode([module, qualname, text, args, trace])
    return decode_extension(EXCEPTION_CODE, memoryview(body))


@pytest.mark.parametrize(
    "error",
    [
        ValueError(),
        ValueError("no", 1, None, b"x"),
        OSError(2, "it is gone", "here"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
        RefusingError("no", code=5),
        SlotError(3),
        ReducedError("a", "b"),
        Outer.InnerError("nested class"),
        noted(KeyError("k")),
        ValueError(KeyError("inner")),
        ExceptionGroup("two", [ValueError(1), ExceptionGroup("below", [RefusingError("no", code=6)])]),
        TimeoutError("late"),
    ],
    ids=repr,
)
def test_an_exception_arrives_as_it_was(error: Exception) -> None:
    arrived = travel(raised(error))
    assert errors_equal(error, arrived)
    assert isinstance(arrived.__cause__, JobFailedError)
    assert "in raised" in arrived.__cause__.traceback


def test_an_error_of_monarq_is_sent_as_every_version_names_it() -> None:
    """A reader that names the class by the module that defines it compares this text with its own."""
    [module, qualname, text, *_] = msgspec.msgpack.decode(encode_exception(JobDeadError("no worker")).data)
    assert (module, qualname) == ("monarq.shared.errors", "JobDeadError")
    assert text == "monarq.shared.errors.JobDeadError: no worker"
    arrived = sent(module, qualname, text, ("no worker",), trace="here")
    assert (type(arrived), str(arrived)) == (JobDeadError, "no worker")
    assert str(arrived.__cause__) == "monarq.JobDeadError: no worker"
    assert arrived.__cause__.type_name == "monarq.JobDeadError"


def test_a_cancellation_arrives_with_its_reason_alone() -> None:
    for error, args in [
        (asyncio.CancelledError(), ()),
        (asyncio.CancelledError("by somebody", object()), ("by somebody",)),
    ]:
        arrived = travel(error)
        assert (type(arrived), arrived.args) == (asyncio.CancelledError, args)


def local_error() -> Exception:
    class LocalError(Exception):
        pass

    return LocalError("no")


@pytest.mark.parametrize(
    ("make", "type_name", "text"),
    [
        (local_error, f"{__name__}.local_error.<locals>.LocalError", "no"),
        (lambda: ValueError(object()), "ValueError", "<object object"),
        (lambda: ValueError("x" * (max_error_text() + 1)), "ValueError", "characters left out"),
        (lambda: ExceptionGroup("g", [local_error()]), "ExceptionGroup", "g (1 sub-exception)"),
        (lambda: RudeError("no"), f"{__name__}.RudeError", "no"),
        (lambda: StopIteration(1), "StopIteration", "1"),
        (lambda: SystemExit(1), "SystemExit", "1"),
        (lambda: StandInError("app.OwnError: no", "app.OwnError", "the traceback"), "app.OwnError", "no"),
    ],
    ids=["local class", "argument", "large", "member", "rude", "StopIteration", "SystemExit", "stand-in"],
)
def test_what_cannot_be_rebuilt_or_raised_is_told_in_words(
    make: Callable[[], BaseException], type_name: str, text: str
) -> None:
    arrived = travel(raised(make()))
    assert type(arrived) is JobFailedError
    assert arrived.type_name == type_name
    assert text in str(arrived)
    assert arrived.traceback


@pytest.mark.parametrize("value", [object(), {1}, ValueError, None], ids=range(4))
def test_what_is_no_exception_has_no_place(value: object) -> None:
    with pytest.raises(TypeError, match=r"msgpack cannot hold an object of type"):
        encode_exception(value)


def test_other_extensions_stay_as_they_are() -> None:
    assert decode_extension(5, memoryview(b"x")) == msgspec.msgpack.Ext(5, b"x")


@pytest.fixture
def unloaded_module(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module that could be imported, and is not."""
    (tmp_path / "nobody_loads_this.py").write_text("class OwnError(Exception): ...")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "nobody_loads_this"
    assert "nobody_loads_this" not in sys.modules


def test_nothing_is_imported_for_an_exception(unloaded_module: str) -> None:
    arrived = sent(unloaded_module, "OwnError", f"{unloaded_module}.OwnError: no", trace="the traceback")
    assert type(arrived) is JobFailedError
    assert (arrived.type_name, arrived.traceback) == (f"{unloaded_module}.OwnError", "the traceback")


@pytest.mark.parametrize(
    ("module", "qualname"),
    [
        ("os", "system"),
        ("builtins", "exec"),
        ("builtins", "dict"),
        ("builtins", "SystemExit"),
        ("builtins", "KeyboardInterrupt"),
        ("builtins", "StopIteration"),
        ("builtins", "StopAsyncIteration"),
        ("builtins", "NoSuchError"),
        ("", "ValueError"),
        ("builtins", ""),
        (__name__, "sent"),
        (__name__, "Outer"),
        (__name__, "Outer.NoSuchError"),
    ],
)
def test_no_other_object_of_that_name_is_called_or_raised(module: str, qualname: str) -> None:
    arrived = sent(module, qualname, f"{module}.{qualname}: no")
    assert type(arrived) is JobFailedError


@pytest.mark.parametrize("args", [("another text",), ("no", "more"), ()])
def test_another_text_than_the_one_sent_shows_another_version_of_the_class(args: tuple[Any, ...]) -> None:
    assert type(sent("builtins", "ValueError", "ValueError: no")) is ValueError
    assert type(sent("builtins", "ValueError", "ValueError: no", args)) is JobFailedError


def test_a_class_that_is_another_one_here_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was replaced after the exception was made, as by a reload."""
    error = Outer.InnerError("no")
    monkeypatch.setattr(Outer, "InnerError", type("InnerError", (Exception,), {}))
    assert type(travel(error)) is JobFailedError


def test_a_class_that_refuses_its_arguments_is_told_in_words() -> None:
    arrived = sent(__name__, "RefusingError", f"{__name__}.RefusingError: no")
    assert (type(arrived), arrived.type_name) == (JobFailedError, f"{__name__}.RefusingError")


def test_the_cause_that_a_worker_sent_is_only_set_where_there_is_a_traceback() -> None:
    assert sent("builtins", "ValueError", "ValueError: no").__cause__ is None
    assert sent("builtins", "ValueError", "ValueError: no", trace="here").__cause__.traceback == "here"


def test_as_text_of_the_job_itself() -> None:
    failed = as_job_failed(raised(KeyError("k")))
    assert (str(failed), failed.type_name) == ("KeyError: 'k'", "KeyError")
    assert "in raised" in failed.traceback


def test_a_stand_in_has_the_words_of_what_it_stands_for() -> None:
    stand_in = as_stand_in(raised(SystemExit(3)))
    assert (str(stand_in), stand_in.type_name) == ("SystemExit: 3", "SystemExit")
    assert "in raised" in stand_in.traceback
    assert stand_in.traceback in str(stand_in.__cause__)
    again = as_job_failed(stand_in)
    assert (str(again), again.type_name) == ("SystemExit: 3", "SystemExit")


@pytest.mark.parametrize(
    ("error", "may"),
    [
        (ValueError("no"), True),
        (ExceptionGroup("g", [ValueError(1)]), True),
        (BaseExceptionGroup("g", [SystemExit(1)]), False),
        (StopIteration(), False),
        (StopAsyncIteration(), False),
        (asyncio.CancelledError(), False),
        (SystemExit(), False),
        (KeyboardInterrupt(), False),
        (GeneratorExit(), False),
        (ValueError, False),
        ("text", False),
        (None, False),
        (types.SimpleNamespace(), False),
    ],
    ids=repr,
)
def test_what_ends_only_the_caller_that_awaits_it(error: object, may: bool) -> None:
    assert may_be_raised(error) is may
