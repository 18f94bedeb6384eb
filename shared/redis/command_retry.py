"""The attempts at one call: how long to wait between them, and when to give up."""

from __future__ import annotations

import asyncio
from typing import Final

from monarq.shared.redis.backoff import Backoff
from monarq.shared.redis.redis_errors import Fault, explain, fault_of

LONGEST_PAUSE_S: Final = 1.0
"""Between attempts: somebody waits."""


class Attempts:
    """The attempts at one call.

    Attributes:
        outcome_unknown: whether one of those that failed may have been carried out.
    """

    __slots__ = ("_backoff", "_deadline_s", "outcome_unknown")

    def __init__(self, retry_for_s: float) -> None:
        self._deadline_s = asyncio.get_running_loop().time() + retry_for_s
        self._backoff = Backoff(longest_s=LONGEST_PAUSE_S)
        self.outcome_unknown = False

    async def wait_after(self, error: BaseException, where: str) -> None:
        """Waits until it is time for the next attempt.

        Raises:
            RedisRefusedError: Redis would refuse it again.
            RedisUnavailableError: there is no time left, or Redis does not let us in.
        """
        fault = fault_of(error)
        if fault is Fault.UNKNOWN:
            self.outcome_unknown = True
        left_s = self._deadline_s - asyncio.get_running_loop().time()
        if left_s <= 0 or fault in (Fault.REFUSED, Fault.DENIED):
            raise explain(error, where) from error
        await asyncio.sleep(min(left_s, self._backoff.next_s()))
