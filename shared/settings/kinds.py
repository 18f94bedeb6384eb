"""Kinds of settings: the values that each accepts from TOML, the environment, a command line or a program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from monarq.shared.errors import SettingsError
from monarq.shared.options.retry import checked_retry
from monarq.shared.parsing import size_bytes, to_count, to_kept_seconds, to_seconds

_FLAGS: Final = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off", ""), False),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """The values that a setting accepts.

    Attributes:
        form: a description of the values, for the documentation.
        least: for a number, the smallest.
        most: for a number, the largest; None for no limit.
        words: for a choice, the words.
        read: checks a value of the named setting, and returns it as the code uses it: durations in seconds, sizes in
            bytes. Raises SettingsError.
    """

    form: str
    read: Callable[[Any, str], Any]
    least: int = 0
    most: int | None = None
    words: tuple[str, ...] = ()


def count(least: int = 1, most: int | None = None) -> Kind:
    """Whole numbers, also given as text."""

    def read(value: Any, name: str) -> int:
        number = to_count(int(value) if _is_digits(value) else value, name, least=least)
        if most is not None and number > most:
            raise SettingsError(f"{name} is {number}; it must be at most {most}")
        return number

    return Kind("number" if most is None else f"{least} to {most}", read, least, most)


def choice(*values: str) -> Kind:
    """One of several words."""

    def read(value: Any, name: str) -> str:
        if value not in values:
            raise SettingsError(f"{name} is {value!r}: give {' or '.join(map(repr, values))}")
        return str(value)

    return Kind(" or ".join(values), read, words=values)


def _read_flag(value: Any, name: str) -> bool:
    found = _FLAGS.get(value.strip().lower()) if isinstance(value, str) else value
    if not isinstance(found, bool):
        raise SettingsError(f"{name} is {value!r}: give true or false")
    return found


def _read_text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise SettingsError(f"{name} is {value!r}: give text")
    return value


def _read_texts(value: Any, name: str) -> list[str]:
    items = value.split() if isinstance(value, str) else value
    if not isinstance(items, Sequence) or not items:
        raise SettingsError(f"{name} is {value!r}: give a list of strings")
    return [_read_text(item, name) for item in items]


def _read_workers(value: Any, name: str) -> int | str:
    if value == "auto":
        return "auto"
    try:
        number: int = count(1, 1000).read(value, name)
    except SettingsError:
        raise SettingsError(f"{name} is {value!r}: give a number from 1 to 1,000, or 'auto'") from None
    return number


def _read_wait(value: Any, name: str) -> float:
    seconds: float = to_seconds(value, name)
    if not seconds:
        raise SettingsError(f"{name} is {value!r}: nothing can answer in no time; give more than 0, such as '5s'")
    return seconds


def _read_retry(value: Any, name: str) -> Any:
    return checked_retry(int(value) if _is_digits(value) else value, name)


def _is_digits(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20


DURATION: Final = Kind("duration", to_seconds)
WAIT: Final = Kind("duration", _read_wait)
KEPT: Final = Kind("duration or forever", to_kept_seconds)
SIZE: Final = Kind("size", size_bytes)
FLAG: Final = Kind("true or false", _read_flag)
TEXT: Final = Kind("text", _read_text)
TEXTS: Final = Kind("list of strings", _read_texts)
WORKERS: Final = Kind("number or auto", _read_workers)
RETRY: Final = Kind("number", _read_retry)
