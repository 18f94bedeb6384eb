"""The retries of one command: the waits between attempts, and when to give up."""

from __future__ import annotations

import asyncio
from typing import Final

from monarq.shared.redis.backoff import Backoff
from monarq.shared.redis.redis_errors import CommandFailure, classify_failure, explain

MAX_PAUSE_S: Final = 1.0
"""The longest wait between attempts, as a caller is waiting."""


class CommandRetry:
    """The retries of one command; created when it is first sent.

    Attributes:
        outcome_unknown: whether one of the failed attempts may have been executed.
    """

    __slots__ = ("_backoff", "_deadline_s", "outcome_unknown")

    def __init__(self, retry_for_s: float) -> None:
        self._deadline_s = asyncio.get_running_loop().time() + retry_for_s
        self._backoff = Backoff(longest_s=MAX_PAUSE_S)
        self.outcome_unknown = False

    async def wait_after(self, error: BaseException, where: str) -> None:
        """Waits until the next attempt is due.

        Raises:
            RedisRefusedError: Redis would refuse it again.
            RedisUnavailableError: there is no time left, or Redis denies access.
        """
        failure = classify_failure(error)
        if failure is CommandFailure.UNKNOWN:
            self.outcome_unknown = True
        left_s = self._deadline_s - asyncio.get_running_loop().time()
        if left_s <= 0 or failure in (CommandFailure.REFUSED, CommandFailure.DENIED):
            raise explain(error, where) from error
        await asyncio.sleep(min(left_s, self._backoff.next_s()))
