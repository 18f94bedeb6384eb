"""`Retry`: what a job raises to be retried.

arq's `Retry` counts as the same, so that code written for arq is retried here too. It is recognized by its name, so
arq need not be installed or imported.
"""

from __future__ import annotations

from typing import Final

from monarq.shared.errors import SettingsError
from monarq.shared.parsing import Duration, to_seconds
from monarq.shared.set_module import set_module
from monarq.shared.text.class_name import full_name, is_named


@set_module("monarq")
class Retry(RuntimeError):  # noqa: N818 - arq's name for it
    """Requests another try of the job that raises it. It uses up a try, like a failure that is retried.

    Args:
        defer: the `Duration` to wait before it: seconds, a timedelta, or text such as "30s". Default: no wait.

    Raises:
        SettingsError: `defer` is not a valid `Duration`. If a job raises this error, it is retried too, without a wait.

    Attributes:
        defer_score: the wait in ms, under the name that it has in arq's `Retry`.
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
    """A `Retry` was given an invalid wait. This error requests another try too."""

    defer_score: int | None = None
    __repr__ = SettingsError.__repr__
    __str__ = SettingsError.__str__


_RETRIES: Final = frozenset({full_name(Retry), "arq.worker.Retry"})

RETRY_REQUESTS: Final = _RETRIES | {"arq.worker.RetryJob"}
"""The classes that request another try, by module and qualified name."""


def is_retry_request(error: BaseException) -> bool:
    """Whether the error's class, or one of its base classes, requests another try."""
    return is_named(type(error), RETRY_REQUESTS)


def is_retry(error: BaseException) -> bool:
    """Whether the error is a `Retry`, which has no message. arq's `RetryJob` requests another try too, and has one."""
    return not isinstance(error, RetryWaitError) and is_named(type(error), _RETRIES)
