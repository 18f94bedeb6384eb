"""The retry policy of a job as a worker runs it: how often it is tried, and after how long. It does no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field

from monarq.shared.options.retry import RetryFunction, RetryWaits
from monarq.shared.parsing import to_seconds

DEFAULT_MAX_TRIES = 5


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How a job that raised an exception is tried again.

    Attributes:
        max_tries: tries in all that were asked for, `Retry` included. Default: 5, or the retries and one more.
        retry: the waits before the retries. Default: none, so that it is tried again only after `Retry`.
        retry_on: the exceptions that `retry` is for.
        give_up_on: those of them that it is not for.
        limit: tries in all.
    """

    max_tries: int | None = None
    retry: RetryWaits | RetryFunction | None = None
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    give_up_on: tuple[type[BaseException], ...] = ()
    limit: int = field(init=False)

    def __post_init__(self) -> None:
        """Settles what follows from the rest."""
        limit = self.max_tries
        if limit is None:
            retries = self.retry.retries if isinstance(self.retry, RetryWaits) else 0
            limit = max(DEFAULT_MAX_TRIES, retries + 1)
        object.__setattr__(self, "limit", limit)

    def wait_s(self, tries: int, error: BaseException) -> float | None:
        """Seconds to wait before another try of a job that raised; None where there is no other.

        Args:
            tries: how many tries it has had.
            error: what it raised, an exception that it may be tried again after.

        Raises:
            BaseException: what a function of the user's raises.
        """
        if tries >= self.limit or self.retry is None:
            return None
        if isinstance(self.retry, RetryWaits):
            return self.retry.wait_s(tries) if tries <= self.retry.retries else None
        return to_seconds(self.retry(error, tries), "what the function of retry= returned")
