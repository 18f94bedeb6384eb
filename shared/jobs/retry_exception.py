"""`Retry`: what a job raises to be tried again.

arq's `Retry` is taken for the same, so that code written for arq asks for another try here as well. It is known by its
name: arq need not be installed, and need not be imported.
"""

from __future__ import annotations

from typing import Final

from monarq.shared.errors import SettingsError
from monarq.shared.parsing import Duration, to_seconds
from monarq.shared.text.class_name import full_name, is_named


class Retry(RuntimeError):  # noqa: N818 - arq's name for it
    """Asks for another try of the job that raises it; it uses up a try, like a failure that is tried again.

    Args:
        defer: how long to wait before it: seconds, a timedelta, or text such as "30s". Default: not at all.

    Raises:
        SettingsError: that is not a `Duration`: it is negative, over a hundred years, or no number at all. Raised in a
            job, it asks for another try as well, without a wait, as that is what the job wanted.

    Attributes:
        defer_score: the same in ms, under the name that arq's `Retry` has for it.
    """

    def __init__(self, defer: Duration | None = None) -> None:
        super().__init__(defer)
        try:
            seconds = to_seconds(defer, "Retry: defer")
        except SettingsError as error:
            raise RetryWaitError(str(error)) from None
        self.defer_score: int | None = None if seconds is None else round(seconds * 1000)

    def __repr__(self) -> str:
        return f"<Retry defer {(self.defer_score or 0) / 1000:0.2f}s>"

    def __str__(self) -> str:
        return repr(self)


class RetryWaitError(SettingsError, Retry):
    """A `Retry` was given a wait that is none. It asks for another try itself."""

    defer_score: int | None = None
    __repr__ = SettingsError.__repr__
    __str__ = SettingsError.__str__


_RETRIES: Final = frozenset({full_name(Retry), "arq.worker.Retry"})

RETRY_REQUESTS: Final = _RETRIES | {"arq.worker.RetryJob"}
"""The classes that ask for another try, by module and qualified name."""


def is_retry_request(error: BaseException) -> bool:
    """Whether the error, or a class that its own derives from, asks for another try."""
    return is_named(type(error), RETRY_REQUESTS)


def is_retry(error: BaseException) -> bool:
    """Whether the error is a `Retry`, which has no text; arq's `RetryJob` asks for another try as well, and has one."""
    return not isinstance(error, RetryWaitError) and is_named(type(error), _RETRIES)
