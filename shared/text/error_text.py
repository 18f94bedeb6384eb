"""Exceptions as text for people: never longer than is allowed, whatever they hold, and cut before it is formatted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from monarq.shared.errors import StandInError

DEFAULT_MAX_ERROR_TEXT: Final = 20_000

LONGEST_IN_LIST: Final = 400
"""Signs of an error as one of many; where one is shown, it is shown whole."""

_LONGEST_NAME: Final = 500
_OBJECT_WEIGHT: Final = 20
_ERROR_WEIGHT: Final = 200
"""What an exception among the arguments of another one weighs: a group of thousands is not looked through."""

_PLAIN_STR: Final = (BaseException.__str__, KeyError.__str__)


class _Limit:
    """How long the texts of errors may be in this process."""

    characters = DEFAULT_MAX_ERROR_TEXT


def limit_error_text(characters: int) -> None:
    """Sets how many characters of an error's text are kept, for the whole process.

    Not handed from part to part, as an error may come to be told in any of them: a format, a log, a span.
    """
    _Limit.characters = characters


def max_error_text() -> int:
    """How many characters of an error's text are kept."""
    return _Limit.characters


def qualified_name(kind: type) -> str:
    """A class as ``module.QualName``, or its bare name where it is a builtin."""
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return truncate(name, _LONGEST_NAME)


def is_stand_in(error: BaseException) -> bool:
    """Whether it has class and text of another exception, which it stands for in the worker."""
    return isinstance(error, StandInError)


def type_name_of(error: BaseException) -> str:
    """The class of what a job raised, also where only a stand-in of it has come here."""
    return error.type_name if isinstance(error, StandInError) else qualified_name(type(error))


def error_text(error: BaseException) -> str:
    """An exception as class and message."""
    message = message_of(error)
    if is_stand_in(error):
        return message
    name = qualified_name(type(error))
    return f"{name}: {message}" if message else name


def message_of(error: BaseException) -> str:
    """What an exception says of itself; a ``__str__`` that raises does no harm."""
    if type(error).__str__ in _PLAIN_STR and is_larger(error.args, max_error_text()):
        return _cut_arguments(error)
    try:
        message = str(error)
    except BaseException as broken:  # noqa: BLE001 - a user's __str__ may raise anything
        message = f"<its str() raised {type(broken).__name__}>"
    return escape_surrogates(truncate(message))


def truncate(text: str, longest: int | None = None) -> str:
    """The text, or its beginning and end with a mark between them that says how much was left out.

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
    """An error as one of many in a list: on one line, and how it begins and ends."""
    return truncate(" ".join(text.split()), LONGEST_IN_LIST)


def is_larger(value: object, budget: int) -> bool:
    """Whether a value holds more than so many characters, bytes and things; looks at no more than that many."""
    waiting = [value]
    while waiting and budget >= 0:
        part = waiting.pop()
        if isinstance(part, (str, bytes, bytearray)):
            budget -= len(part)
        elif isinstance(part, int):
            budget -= part.bit_length() // 4 + 1
        elif isinstance(part, BaseException):
            budget -= _ERROR_WEIGHT
            waiting += [part.args, getattr(part, "__dict__", None)]
        elif isinstance(part, (list, tuple, set, frozenset, dict)):
            budget -= len(part) + 1
            if budget >= 0:
                waiting += [*part, *part.values()] if isinstance(part, Mapping) else part
        else:
            budget -= _OBJECT_WEIGHT
    return budget < 0


def _cut_arguments(error: BaseException) -> str:
    """What ``str()`` would make of the arguments, each cut by itself: its own text of 20 MB would take a second."""
    args = error.args
    if len(args) == 1 and isinstance(args[0], str) and not isinstance(error, KeyError):
        return escape_surrogates(truncate(args[0]))
    shown = ", ".join(_cut_repr(argument) for argument in args[:20])
    more = "" if len(args) <= 20 else f", … and {len(args) - 20:,} more"
    return escape_surrogates(truncate(f"{shown}{more}" if len(args) == 1 else f"({shown}{more})"))


def _cut_repr(value: object) -> str:
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
    """Text that can be written: file names that are no UTF-8 come into messages as halves of surrogate pairs."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
