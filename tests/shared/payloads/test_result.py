"""Results: read into what the job returned or raised, and written so that whoever waits always learns something."""

from __future__ import annotations

import asyncio
import json
import pickle
from typing import Any

import msgspec
import pytest

from monarq.shared.errors import JobCancelledError, JobFailedError, PayloadError, ResultTooLargeError
from monarq.shared.payloads.codec import MSGPACK, PICKLE, Codec, Codecs, CustomCodec
from monarq.shared.payloads.error_equality import errors_equal
from monarq.shared.payloads.result import Result, write_failure, write_result
from monarq.shared.payloads.signing import Signer

DATA: dict[str, Any] = {
    "f": "send",
    "a": (1, "x"),
    "k": {"n": 2},
    "t": 3,
    "et": 10,
    "s": True,
    "r": "value",
    "st": 20,
    "ft": 30,
    "q": "arq:queue",
    "id": "one",
}
CODECS = Codecs(allow_pickle=True)
SIGNER = Signer("a-secret-of-the-tests-that-is-long-enough")


def dump_json(data: dict[str, Any]) -> bytes:
    return json.dumps(data).encode()


def refuse(data: dict[str, Any]) -> bytes:
    raise TypeError("nothing fits in here")


JSON = CustomCodec(dump_json, json.loads, "json")
FORMATS = [MSGPACK, PICKLE, CustomCodec(), JSON]
every_format = pytest.mark.parametrize("codec", FORMATS, ids=lambda codec: codec.name)


class TextError(Exception):
    """In place of arq's own, as arq's workers have it."""


class AwkwardError(Exception):
    """Pickles as another than it was."""

    def __reduce__(self) -> tuple[Any, ...]:
        return ValueError, ("another",)


class LockedError(Exception):
    """Cannot be pickled."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock = lambda: None


def with_value(value: object, *, success: bool = True, **fields: Any) -> dict[str, Any]:
    return {**DATA, "s": success, "r": value, **fields}


def read(codec: Codec, data: bytes) -> Result:
    return Result.read(data, Codecs(only=codec))


def raised_by(result: Result) -> BaseException:
    try:
        result.unwrap()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


@every_format
def test_a_value_is_written_and_read(codec: Codec) -> None:
    written, problem = write_result(codec, with_value({"a": [1, None]}))
    assert problem is None
    result = read(codec, written)
    assert result.unwrap() == {"a": [1, None]}
    assert (result.name, result.args, result.kwargs, result.job_try) == ("send", (1, "x"), {"n": 2}, 3)
    assert (result.enqueue_ms, result.start_ms, result.finish_ms) == (10, 20, 30)
    assert (result.success, result.queue, result.job_id) == (True, "arq:queue", "one")


@pytest.mark.parametrize("left_out", list(DATA))
def test_only_the_queue_and_the_id_may_be_missing(left_out: str) -> None:
    data = MSGPACK.dumps({name: value for name, value in DATA.items() if name != left_out})
    if left_out in ("q", "id"):
        result = Result.read(data, CODECS)
        assert (result.queue, result.job_id) == (
            "" if left_out == "q" else "arq:queue",
            "" if left_out == "id" else "one",
        )
    else:
        with pytest.raises(PayloadError, match="the result lacks fields of arq's results: KeyError"):
            Result.read(data, CODECS)


def test_a_result_that_is_signed_for_another_job_is_none() -> None:
    codecs = Codecs(signer=SIGNER)
    data = codecs.seal(MSGPACK.dumps(DATA), "result", b"one")
    assert Result.read(data, codecs, b"one").value == "value"
    with pytest.raises(PayloadError, match="its signature is wrong"):
        Result.read(data, codecs, b"two")
    with pytest.raises(PayloadError, match="it is signed"):
        Result.read(data, CODECS, b"one")


@every_format
@pytest.mark.parametrize("error", [ValueError("no"), KeyError("k"), OSError(2, "gone", "here")], ids=repr)
def test_an_exception_is_raised_as_it_was_where_the_format_takes_it(codec: Codec, error: Exception) -> None:
    written, problem = write_result(codec, with_value(error, success=False))
    assert problem is None
    arrived = raised_by(read(codec, written))
    if codec is JSON:
        assert (type(arrived), str(arrived)) == (JobFailedError, f"{type(error).__name__}: {error}")
    else:
        assert errors_equal(error, arrived)


@pytest.mark.parametrize("codec", [MSGPACK, PICKLE], ids=lambda codec: codec.name)
def test_also_one_that_pickles_as_another(codec: Codec) -> None:
    error = AwkwardError("no")
    assert errors_equal(error, raised_by(read(codec, write_failure(codec, with_value(error, success=False)))))


@pytest.mark.parametrize(
    ("codec", "error"),
    [*((codec, LockedError("no")) for codec in FORMATS), *((codec, AwkwardError("no")) for codec in FORMATS[2:])],
    ids=lambda value: type(value).__name__,
)
def test_one_that_does_not_read_back_as_an_equal_one_is_told_in_words(codec: Codec, error: Exception) -> None:
    written, problem = write_result(codec, with_value(error, success=False))
    assert problem is None
    arrived = raised_by(read(codec, written))
    name = f"{__name__}.{type(error).__name__}"
    assert (type(arrived), str(arrived)) == (JobFailedError, f"{name}: no")
    if codec is not JSON:
        assert arrived.type_name == name  # type: ignore[attr-defined]


def test_the_text_is_in_an_exception_that_every_reader_can_load() -> None:
    for text_error in (RuntimeError, TextError):
        written = write_failure(PICKLE, with_value(LockedError("no"), success=False), text_error)
        value = pickle.loads(written)["r"]
        assert (type(value), str(value)) == (text_error, f"{__name__}.LockedError: no")


@pytest.mark.parametrize("error", [StopIteration(1), SystemExit(1), GeneratorExit()], ids=repr)
@every_format
def test_what_would_end_more_than_the_caller_is_never_raised(codec: Codec, error: BaseException) -> None:
    written, _ = write_result(codec, with_value(error, success=False))
    assert type(raised_by(read(codec, written))) is JobFailedError
    assert type(raised_by(read(PICKLE, pickle.dumps(with_value(error, success=False))))) is JobFailedError


@pytest.mark.parametrize("codec", [MSGPACK, PICKLE], ids=lambda codec: codec.name)
def test_a_cancellation_is_raised_as_such(codec: Codec) -> None:
    written, _ = write_result(codec, with_value(asyncio.CancelledError(), success=False))
    arrived = raised_by(read(codec, written))
    assert (type(arrived), str(arrived)) == (JobCancelledError, "job one was cancelled")


@pytest.mark.parametrize("value", ["in words", 5, None, {"type": "ValueError"}], ids=repr)
def test_a_failure_of_anybodys_making_is_told_in_words(value: object) -> None:
    arrived = raised_by(read(PICKLE, pickle.dumps(with_value(value, success=False))))
    assert (type(arrived), str(arrived)) == (JobFailedError, str(value))


def test_an_exception_may_be_a_value() -> None:
    error = ValueError("a value")
    for codec in (MSGPACK, PICKLE):
        assert errors_equal(error, read(codec, write_result(codec, with_value(error))[0]).unwrap())


@pytest.mark.parametrize("arguments", [{"a": (object(),)}, {"k": {"x": object()}}], ids=["args", "kwargs"])
@pytest.mark.parametrize(("codec", "arrives"), [(MSGPACK, ValueError), (JSON, JobFailedError)], ids=["msgpack", "json"])
def test_arguments_that_do_not_serialize_are_left_out_of_a_failure(
    codec: Codec, arrives: type[Exception], arguments: dict[str, Any]
) -> None:
    written, problem = write_result(codec, with_value(ValueError("no"), success=False, **arguments))
    assert problem is None
    result = read(codec, written)
    assert (result.args, result.kwargs, type(raised_by(result))) == ((), {}, arrives)


async def work() -> None: ...


@pytest.mark.parametrize(
    ("codec", "value", "words"),
    [
        (MSGPACK, object(), "the result of send (a object) cannot be serialized as msgpack: TypeError: "),
        (MSGPACK, object(), "; return numbers, text, bytes, times, lists and dicts of these"),
        (MSGPACK, 2**70, "cannot be serialized as msgpack: OverflowError"),
        (PICKLE, lambda: None, "the result of send (a function) cannot be serialized as pickle: "),
        (JSON, {1}, "the result of send (a set) cannot be serialized as json: TypeError: "),
        (MSGPACK, b"x" * 1000, "the result of send is 1,062 bytes and the limit is 1,000: store large data where"),
    ],
    ids=range(6),
)
def test_a_value_that_cannot_be_kept_becomes_the_jobs_failure(codec: Codec, value: object, words: str) -> None:
    written, problem = write_result(codec, with_value(value), largest=1000)
    assert problem is not None
    assert words in str(problem)
    result = read(codec, written)
    assert not result.success
    arrived = raised_by(result)
    if codec is MSGPACK:
        assert errors_equal(problem, arrived)
    else:
        assert (type(arrived), str(arrived)) == (JobFailedError, f"unable to serialize result: {problem}")


def test_a_coroutine_that_was_not_awaited_is_named() -> None:
    coroutine = work()
    _, problem = write_result(MSGPACK, with_value(coroutine))
    coroutine.close()
    assert str(problem).endswith("; await it in the job")


def test_the_arguments_are_left_out_where_they_are_too_large() -> None:
    written, problem = write_result(MSGPACK, with_value("value", a=("x" * 2000,)), largest=1000)
    assert problem is not None
    assert len(written) <= 1000
    assert read(MSGPACK, written).args == ()


@pytest.mark.parametrize("data", [with_value(1), with_value(ValueError("no"), success=False)], ids=["value", "error"])
def test_a_format_that_takes_nothing_leaves_no_bytes(data: dict[str, Any]) -> None:
    written, problem = write_result(CustomCodec(refuse, json.loads), data)
    assert written == b""
    assert "cannot be serialized as custom: TypeError: nothing fits in here" in str(problem)


def test_a_limit_that_holds_not_even_the_failure_leaves_no_bytes() -> None:
    written, problem = write_result(MSGPACK, DATA, largest=5)
    assert (written, type(problem)) == (b"", ResultTooLargeError)


def test_a_failure_that_cannot_be_written_is_an_error_of_the_format() -> None:
    with pytest.raises(TypeError, match="nothing fits in here"):
        write_failure(CustomCodec(refuse, json.loads), with_value(ValueError("no"), success=False))


def test_a_failure_in_msgpack_is_no_dict_of_the_exceptions_fields() -> None:
    written = write_failure(MSGPACK, with_value(ValueError("no"), success=False))
    assert isinstance(msgspec.msgpack.decode(written)["r"], msgspec.msgpack.Ext)
