"""The values of ``retry=``: how often a job is retried after an exception, and how long it waits before each retry."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, cast

from monarq.shared.errors import SettingsError
from monarq.shared.parsing import Duration, to_count, to_seconds

RetryFunction = Callable[[BaseException, int], Duration | None]
"""Takes the job's exception and the number of the try, from 1; returns how long to wait, or None to give up."""


@dataclass(frozen=True, slots=True)
class Exponential:
    """Exponential backoff: up to `base` before the first retry, up to ``2 * base`` before the second, and so on.

    With jitter, each wait is a random time from zero up to that bound, which best spreads out a burst of failures; see
    Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

    Args:
        retries: how many times the job is retried.
        base: the `Duration` before the first retry; the attribute is in seconds. Default: 1 s.
        max: the longest wait; the attribute is in seconds. Default: 10 minutes.
        jitter: whether the waits are randomized. Default: True.

    Raises:
        SettingsError: a value is invalid.
    """

    retries: int
    base: Duration = 1.0
    max: Duration = 600.0
    jitter: bool = True

    def __post_init__(self) -> None:
        """Checks the values."""
        _check(self, "base", "max")

    def wait_s(self, retry: int) -> float:
        """Seconds to wait before a retry, counted from 1."""
        bound = min(_seconds(self.max), _seconds(self.base) * 2.0 ** min(retry - 1, 60))
        return random.uniform(0.0, bound) if self.jitter else bound


@dataclass(frozen=True, slots=True)
class Linear:
    """Linear backoff: `step` before the first retry, ``2 * step`` before the second, and so on.

    Args:
        retries: how many times the job is retried.
        step: the `Duration` that is added each time; the attribute is in seconds.
        max: the longest wait; the attribute is in seconds. Default: 10 minutes.

    Raises:
        SettingsError: a value is invalid.
    """

    retries: int
    step: Duration
    max: Duration = 600.0

    def __post_init__(self) -> None:
        """Checks the values."""
        _check(self, "step", "max")

    def wait_s(self, retry: int) -> float:
        """Seconds to wait before a retry, counted from 1."""
        return min(_seconds(self.max), _seconds(self.step) * retry)


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same wait before each retry.

    Args:
        retries: how many times the job is retried.
        wait: the `Duration` before each retry; the attribute is in seconds.

    Raises:
        SettingsError: a value is invalid.
    """

    retries: int
    wait: Duration

    def __post_init__(self) -> None:
        """Checks the values."""
        _check(self, "wait")

    def wait_s(self, retry: int) -> float:
        """Seconds to wait before a retry, counted from 1."""
        return _seconds(self.wait)


@dataclass(frozen=True, slots=True)
class Delays:
    """A list of waits, one for each retry; there are as many retries as waits.

    Args:
        waits: the `Duration` before each retry, in order; the attribute is in seconds.

    Raises:
        SettingsError: a value is invalid, or the list is empty.
    """

    waits: Sequence[Duration]

    def __post_init__(self) -> None:
        """Checks the values."""
        if isinstance(self.waits, (str, bytes)) or not hasattr(self.waits, "__iter__"):
            raise SettingsError(f"Delays: waits is {self.waits!r}: give a list of durations, such as [1, 5, '1m']")
        waits = tuple(_to_wait_s(wait, f"Delays: wait number {number}") for number, wait in enumerate(self.waits, 1))
        if not waits:
            raise SettingsError("Delays: give at least one wait, or retry=0 for no retry")
        object.__setattr__(self, "waits", waits)

    @property
    def retries(self) -> int:
        """How many times the job is retried."""
        return len(self.waits)

    def wait_s(self, retry: int) -> float:
        """Seconds to wait before a retry, counted from 1."""
        return _seconds(self.waits[retry - 1])


RetryWaits = Exponential | Linear | Fixed | Delays
"""The values that can be sent in a job's payload."""

RetryOption = int | RetryWaits | RetryFunction
"""The values of ``retry=``; a number means that many retries with `Exponential`."""

_KINDS: Final[dict[str, Callable[..., RetryWaits]]] = {
    kind.__name__.lower(): kind for kind in (Exponential, Linear, Fixed, Delays)
}
_FORMS: Final = (
    "a number of retries, Exponential, Linear, Fixed, Delays, or a function (error, job_try) -> Duration | None"
)


def checked_retry(given: object, name: str = "retry") -> RetryWaits | RetryFunction | None:
    """The value of ``retry=``, checked; None if none was given.

    Raises:
        SettingsError: it is invalid; `name` is the option's, for the error.
    """
    if given is None or isinstance(given, RetryWaits):
        return given
    if isinstance(given, int) and not isinstance(given, bool):
        return Exponential(to_count(given, name))
    if not callable(given) or isinstance(given, type):
        raise SettingsError(f"{name} is {given!r}: give {_FORMS}")
    if inspect.iscoroutinefunction(given):
        raise SettingsError(f"{name} is {given!r}, an async function: give a plain function")
    try:
        inspect.signature(given).bind(Exception(), 1)
    except TypeError as error:
        raise SettingsError(f"{name} is {given!r}, which cannot be called with (error, job_try): {error}") from None
    except (NameError, ValueError):
        pass  # C code without a signature; from Python 3.14 on, annotations with names for type checkers only
    return cast("RetryFunction", given)


def exception_classes(given: object, name: str) -> tuple[type[BaseException], ...]:
    """The exception classes of ``retry_on`` or ``give_up_on``, given as one class or several.

    Raises:
        SettingsError: one of them is not an exception class; `name` is the option's, for the error.
    """
    classes = tuple(given) if isinstance(given, (tuple, list, set, frozenset)) else (given,)
    for each in classes:
        if not (isinstance(each, type) and issubclass(each, BaseException)):
            raise SettingsError(f"{name} holds {each!r}: give classes of exceptions, such as (OSError, TimeoutError)")
    return classes


def to_plain(retry: RetryWaits) -> list[Any]:
    """The value as a list of plain values, as it is sent in a payload."""
    return [type(retry).__name__.lower(), *(getattr(retry, field.name) for field in fields(retry))]


def from_plain(value: object) -> RetryWaits:
    """The value that `to_plain` turned into this list.

    Raises:
        SettingsError: it is not such a list, or was written by another version.
    """
    match value:
        case [str(name), *given] if name in _KINDS:
            try:
                return _KINDS[name](*given)
            except TypeError:
                pass
    raise SettingsError(f"retry is {value!r}, which this version does not support")


def _check(value: Exponential | Linear | Fixed, *durations: str) -> None:
    kind = type(value).__name__
    to_count(value.retries, f"{kind}: retries")
    for name in durations:
        object.__setattr__(value, name, _to_wait_s(getattr(value, name), f"{kind}: {name}"))


def _to_wait_s(value: Duration | None, name: str) -> float:
    if value is None:
        raise SettingsError(f"{name} is None: give seconds, a timedelta, or text such as '30s'")
    return to_seconds(value, name)


def _seconds(checked: Duration) -> float:
    assert isinstance(checked, float)
    return checked
