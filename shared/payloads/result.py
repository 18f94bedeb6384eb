"""A failed job's result as bytes: its error as it was, which is tried before it is written, or in its own words."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from monarq.shared.errors import JobFailedError
from monarq.shared.payloads.codec import MSGPACK, PICKLE, Codec
from monarq.shared.payloads.error_equality import errors_equal
from monarq.shared.payloads.error_pickle import is_large, pickles_of
from monarq.shared.payloads.remote_error import encode_exception, may_be_raised
from monarq.shared.text.class_name import full_name
from monarq.shared.text.error_text import error_text, is_stand_in, type_name_of
from monarq.shared.text.traceback_text import traceback_text

_WORDS: Final = frozenset({"builtins.RuntimeError", "arq.worker.JobExecutionFailed"})
"""The classes that failures are told in words by."""


def write_failure(codec: Codec, data: dict[str, Any], words: type[Exception] = RuntimeError) -> bytes:
    """The bytes of a result whose ``r`` is what the job raised.

    In formats other than msgpack an error that does not come back as it was is told in words: by an exception of the
    class `words`, which whoever reads the result must be able to load, or as bare text.

    Raises:
        Exception: not even the words can be written in this format.
    """
    error: BaseException = data["r"]
    for said in (data, {**data, "a": (), "k": {}}):
        with suppress(BaseException):  # the arguments may be at fault as well
            return _write_all(codec, said, words)
    return codec.dumps({**data, "r": error_text(error), "a": (), "k": {}})


def _write_all(codec: Codec, data: dict[str, Any], words: type[Exception]) -> bytes:
    error = data["r"]
    if codec.name == MSGPACK.name:
        # Not left to the format's hook, which is not asked where a dataclass is an exception.
        return codec.dumps({**data, "r": encode_exception(error)})
    for told in (*_itself(error), _in_words(error, words)):
        for written in _ways(codec, {**data, "r": told}):
            if _gives(codec, written, told):
                return written
    return codec.dumps({**data, "r": error_text(error)})


def told_in_words(error: object) -> JobFailedError | None:
    """What `write_failure` has told in words, as our own error; None where it is anything else."""
    if full_name(type(error)) not in _WORDS or "type_name" not in vars(error):
        return None
    told = vars(error)
    return JobFailedError(str(error), told["type_name"], told["traceback"])


def _itself(error: BaseException) -> Iterator[BaseException]:
    """The error, where whoever waits may be handed it; a cancelling is how an abort is told."""
    is_fit = may_be_raised(error) or isinstance(error, asyncio.CancelledError)
    if is_fit and not is_stand_in(error) and not is_large(error):
        yield error


def _in_words(error: BaseException, words: type[Exception]) -> Exception:
    told = words(error_text(error))
    vars(told).update(type_name=type_name_of(error), traceback=traceback_text(error))
    return told


def _ways(codec: Codec, data: dict[str, Any]) -> Iterator[bytes]:
    if codec.name == PICKLE.name:
        yield from pickles_of(data)
        return
    with suppress(BaseException):  # a user's format may raise anything
        yield codec.dumps(data)


def _gives(codec: Codec, written: bytes, error: BaseException) -> bool:
    """Whether the error comes back from the bytes; what a user's format makes something else of is the user's."""
    try:
        back = codec.loads(written)["r"]
    except BaseException:  # noqa: BLE001 - unpickling runs the user's code, which may raise anything
        return False
    return errors_equal(error, back) or (codec.name != PICKLE.name and not isinstance(back, BaseException))
