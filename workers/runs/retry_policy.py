"""The retry policy of a job in a worker: how often it is tried, and with which delays. It does no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field

from monarq.shared.options.retry import RetryFunction, RetryWaits
from monarq.shared.parsing import to_seconds

DEFAULT_MAX_TRIES = 5


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How a job that raised an exception is retried.

    Attributes:
        max_tries: the requested total of tries, including `Retry`. Default: 5, or the retries plus one if that is more.
        retry: the backoff before the retries. Default: none, so that it is retried only after `Retry`.
        retry_on: the exceptions for which `retry` applies.
        give_up_on: those of them for which it does not apply.
        limit: the total of tries.
    """

    max_tries: int | None = None
    retry: RetryWaits | RetryFunction | None = None
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    give_up_on: tuple[type[BaseException], ...] = ()
    limit: int = field(init=False)

    def __post_init__(self) -> None:
        """Derives the remaining fields."""
        limit = self.max_tries
        if limit is None:
            retries = self.retry.retries if isinstance(self.retry, RetryWaits) else 0
            limit = max(DEFAULT_MAX_TRIES, retries + 1)
        object.__setattr__(self, "limit", limit)

    def wait_s(self, tries: int, error: BaseException) -> float | None:
        """Seconds to wait before a retry of a job that raised; None for no retry.

        Args:
            tries: how many tries it has had.
            error: the exception that it raised, for which it may be retried.

        Raises:
            BaseException: raised by a user's function.
        """
        if tries >= self.limit or self.retry is None:
            return None
        if isinstance(self.retry, RetryWaits):
            return self.retry.wait_s(tries) if tries <= self.retry.retries else None
        return to_seconds(self.retry(error, tries), "what the function of retry= returned")
