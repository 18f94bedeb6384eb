"""`RunOptions`: options of a job's run, set by an enqueue, a job, a queue or a worker; the most specific one wins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monarq.shared.errors import SettingsError
from monarq.shared.options.retry import RetryFunction, RetryOption, RetryWaits, checked_retry, from_plain, to_plain
from monarq.shared.parsing import Duration, to_count, to_kept_seconds, to_seconds


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of a job's run; for None, the next less specific setting applies.

    Attributes:
        timeout_s: seconds that a run may take; 0 for no limit.
        keep_result_s: seconds to keep its result; 0 for not at all, infinity for no limit.
        max_tries: the maximum number of tries.
        retry: how it is retried after an exception.
    """

    timeout_s: float | None = None
    keep_result_s: float | None = None
    max_tries: int | None = None
    retry: RetryWaits | RetryFunction | None = None

    @classmethod
    def read(
        cls,
        *,
        timeout: Duration | None = None,
        keep_result: Duration | None = None,
        max_tries: int | None = None,
        retry: RetryOption | None = None,
    ) -> RunOptions:
        """Checks options as users give them.

        Raises:
            SettingsError: one has an invalid value.
        """
        return cls(
            to_seconds(timeout, "timeout"),
            to_kept_seconds(keep_result, "keep_result"),
            None if max_tries is None else to_count(max_tries, "max_tries", least=1),
            checked_retry(retry),
        )

    def over(self, other: RunOptions) -> RunOptions:
        """These options, completed by those of `other` where a value is None."""
        if self == NO_OPTIONS:
            return other
        return RunOptions(
            other.timeout_s if self.timeout_s is None else self.timeout_s,
            other.keep_result_s if self.keep_result_s is None else self.keep_result_s,
            other.max_tries if self.max_tries is None else self.max_tries,
            other.retry if self.retry is None else self.retry,
        )

    def to_plain(self) -> dict[str, Any]:
        """The options that are set, as plain values for a payload.

        Raises:
            SettingsError: `retry` is a function, which cannot be sent.
        """
        if callable(self.retry):
            raise SettingsError(
                "retry is a function, which cannot be sent with a job: pass it to @job, or give a number of retries,"
                " Exponential, Linear, Fixed or Delays"
            )
        plain: dict[str, Any] = {
            "timeout": self.timeout_s,
            "keep_result": self.keep_result_s,
            "max_tries": self.max_tries,
            "retry": None if self.retry is None else to_plain(self.retry),
        }
        return {name: value for name, value in plain.items() if value is not None}

    @classmethod
    def from_plain(cls, plain: object) -> RunOptions:
        """The options that `to_plain` turned into this mapping; unknown ones are ignored.

        Raises:
            SettingsError: a value is invalid.
        """
        if not isinstance(plain, Mapping):
            raise SettingsError(f"the job's options are {type(plain).__name__}, not a mapping")
        retry = plain.get("retry")
        return cls.read(
            timeout=plain.get("timeout"),
            keep_result=plain.get("keep_result"),
            max_tries=plain.get("max_tries"),
            retry=None if retry is None else from_plain(retry),
        )


NO_OPTIONS = RunOptions()


def keep_ms_of(keep_result_s: float) -> int:
    """How many ms to keep a result, in the form that the scripts take: 0 is forever, -1 not at all."""
    if keep_result_s == math.inf:
        return 0
    return max(1, round(keep_result_s * 1000)) if keep_result_s > 0 else -1
