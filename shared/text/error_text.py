"""Error texts: an exception as text for display, truncated before it is formatted, whatever it contains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from monarq.shared.errors import StandInError
from monarq.shared.text.class_name import full_name

DEFAULT_MAX_ERROR_TEXT: Final = 20_000

LONGEST_IN_LIST: Final = 400
"""How many characters of an error are shown in a list; the page of a single error shows all of it."""

_LONGEST_NAME: Final = 500
_OBJECT_SIZE: Final = 20
_ERROR_SIZE: Final = 200
"""The size that an exception counts for among the arguments of another, so that huge groups are not fully searched."""

_PLAIN_STR: Final = (BaseException.__str__, KeyError.__str__)


class _Limit:
    """The length limit of error texts in this process."""

    characters = DEFAULT_MAX_ERROR_TEXT


def limit_error_text(characters: int) -> None:
    """Sets how many characters of an error's text are kept, for the whole process.

    It is a global, as any part may format an error: a codec, a log, a span.
    """
    _Limit.characters = characters


def max_error_text() -> int:
    """How many characters of an error's text are kept."""
    return _Limit.characters


def qualified_name(kind: type) -> str:
    """A class as ``module.QualName``, or its bare name if it is a builtin."""
    return truncate(kind.__qualname__ if kind.__module__ == "builtins" else full_name(kind), _LONGEST_NAME)


def is_stand_in(error: BaseException) -> bool:
    """Whether it is the worker's stand-in for another exception, with that exception's class and text."""
    return isinstance(error, StandInError)


def type_name_of(error: BaseException) -> str:
    """The class of a job's exception, also if it was replaced by a stand-in."""
    return error.type_name if isinstance(error, StandInError) else qualified_name(type(error))


def error_text(error: BaseException) -> str:
    """An exception as class and message."""
    message = message_of(error)
    if is_stand_in(error):
        return message
    name = qualified_name(type(error))
    return f"{name}: {message}" if message else name


def message_of(error: BaseException) -> str:
    """An exception's message, even if its ``__str__`` raises."""
    if type(error).__str__ in _PLAIN_STR and is_larger(error.args, max_error_text()):
        return _truncated_arguments(error)
    try:
        message = str(error)
    except BaseException as broken:  # noqa: BLE001 - a user's __str__ may raise anything
        message = f"<its str() raised {type(broken).__name__}>"
    return escape_surrogates(truncate(message))


def truncate(text: str, longest: int | None = None) -> str:
    """The text, or its beginning and end, with a note between them on how much was left out.

    Args:
        text: any text.
        longest: the most characters that are kept. Default: `max_error_text`.
    """
    longest = max_error_text() if longest is None else longest
    if len(text) <= longest:
        return text
    tail = longest // 4
    head = longest - tail
    return f"{text[:head]} … [{len(text) - longest:,} characters left out] … {text[len(text) - tail :]}"


def brief(text: str) -> str:
    """An error for a list: on one line, with only its beginning and end if it is long."""
    return truncate(" ".join(text.split()), LONGEST_IN_LIST)


def is_larger(value: object, budget: int) -> bool:
    """Whether a value contains more characters, bytes and objects than the budget; it stops counting beyond that."""
    waiting = [value]
    while waiting and budget >= 0:
        part = waiting.pop()
        if isinstance(part, (str, bytes, bytearray)):
            budget -= len(part)
        elif isinstance(part, int):
            budget -= part.bit_length() // 4 + 1
        elif isinstance(part, BaseException):
            budget -= _ERROR_SIZE
            waiting += [part.args, getattr(part, "__dict__", None)]
        elif isinstance(part, (list, tuple, set, frozenset, dict)):
            budget -= len(part) + 1
            if budget >= 0:
                waiting += [*part, *part.values()] if isinstance(part, Mapping) else part
        else:
            budget -= _OBJECT_SIZE
    return budget < 0


def _truncated_arguments(error: BaseException) -> str:
    """The arguments as ``str()`` shows them, each truncated separately, as a ``str()`` of 20 MB would take a second."""
    args = error.args
    if len(args) == 1 and isinstance(args[0], str) and not isinstance(error, KeyError):
        return escape_surrogates(truncate(args[0]))
    shown = ", ".join(_truncated_repr(argument) for argument in args[:20])
    more = "" if len(args) <= 20 else f", … and {len(args) - 20:,} more"
    return escape_surrogates(truncate(f"{shown}{more}" if len(args) == 1 else f"({shown}{more})"))


def _truncated_repr(value: object) -> str:
    if isinstance(value, str):
        return repr(truncate(value))
    if isinstance(value, (bytes, bytearray)) and len(value) > max_error_text():
        return f"{bytes(value[:100])!r} … [{len(value) - 100:,} bytes left out]"
    if is_larger(value, max_error_text()):
        return f"<a large {qualified_name(type(value))}>"
    try:
        return truncate(repr(value))
    except BaseException as broken:  # noqa: BLE001 - a user's __repr__ may raise anything
        return f"<its repr() raised {type(broken).__name__}>"


def escape_surrogates(text: str) -> str:
    """Text that UTF-8 can encode. In messages, file names that are not UTF-8 contain lone surrogates."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
