"""The retry policy: when a job is tried again, and after how long. It does no I/O."""

from __future__ import annotations

import random
from dataclasses import dataclass

from monarq.shared.errors import SettingsError

DEFAULT_MAX_TRIES = 5


def exception_classes(given: object) -> tuple[type[BaseException], ...]:
    """The exception classes of ``retry_on``, given as one class or several.

    Raises:
        SettingsError: one of them is not an exception class.
    """
    classes = tuple(given) if isinstance(given, (tuple, list, set, frozenset)) else (given,)
    for each in classes:
        if not (isinstance(each, type) and issubclass(each, BaseException)):
            raise SettingsError(f"retry_on holds {each!r}: give classes of exceptions, such as (OSError, TimeoutError)")
    return classes


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How a job that raised an exception is tried again.

    Attributes:
        max_tries: tries in all, `Retry` included; at least 1.
        retries: how many times it is tried again after an exception of `retry_on`. Default 0: only after `Retry`.
        retry_on: the exceptions that `retries` is for.
        backoff_s: seconds before the first retry; doubled for each further one.
        backoff_max_s: the longest wait in seconds.
    """

    max_tries: int = DEFAULT_MAX_TRIES
    retries: int = 0
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    backoff_s: float = 1.0
    backoff_max_s: float = 600.0

    def has_another(self, tries: int) -> bool:
        """Whether a job that raised one of `retry_on` on its try number `tries` (from 1) is tried again."""
        return tries <= self.retries and tries < self.max_tries

    def delay_s(self, tries: int, rng: random.Random | None = None) -> float:
        """Seconds to wait after try number `tries`: exponential, with full jitter.

        Full jitter (a uniform draw from zero up to the exponential bound) spreads a burst of failures best; see
        Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
        """
        bound = min(self.backoff_max_s, self.backoff_s * 2.0 ** min(tries - 1, 60))
        return (rng or random).uniform(0.0, bound)
