"""Redis outages in the loops of a worker: reported once, retried with backoff, and reported as over."""

from __future__ import annotations

import asyncio

from monarq.shared.redis.backoff import Backoff
from monarq.shared.redis.redis_errors import CommandFailure, classify_failure
from monarq.workers.events.events import WorkerEvents


class Outage:
    """The outages of Redis in one loop, reported as the events `redis_lost` and `redis_back`.

    Args:
        events: gets the two events of each outage.
        doing: what the loop does, such as "looking for cancelled jobs".
    """

    def __init__(self, events: WorkerEvents, doing: str) -> None:
        self._events = events
        self._doing = doing
        self._backoff = Backoff()

    def failed(self, error: BaseException) -> float:
        """Notes that the loop's call failed; returns the seconds until the next try."""
        if not self._backoff.failing:
            self._events.redis_lost(self._doing, error)
        return self._backoff.next_s()

    def passed(self) -> None:
        """Notes that the loop's call succeeded."""
        if self._backoff.failing:
            self._backoff.reset()
            self._events.redis_back(self._doing)


class SharedOutage:
    """The outages of a Redis that many loops call: one of them retries, and the others wait until it gets a reply.

    Otherwise a worker with a thousand queues would connect a thousand times a second while Redis is down, and report
    an outage for each queue.

    Args:
        events: gets the two events of each outage.
        doing: what the loops do.
    """

    def __init__(self, events: WorkerEvents, doing: str) -> None:
        self._outage = Outage(events, doing)
        self._retries: object = None
        self._over = asyncio.Event()
        self._over.set()

    def holds_back(self, loop: object) -> bool:
        """Whether this loop must wait because another one retries."""
        return self._retries is not None and self._retries is not loop

    async def wait_for_others(self) -> None:
        """Waits until no other loop retries."""
        await self._over.wait()

    async def failed(self, loop: object, error: BaseException) -> None:
        """Notes that a call of this loop failed, and waits until it may be repeated."""
        if self.holds_back(loop):
            return
        self._retries = loop
        self._over.clear()
        try:
            await asyncio.sleep(self._outage.failed(error))
        except asyncio.CancelledError:
            self._end()  # another loop must retry
            raise

    def passed(self, loop: object) -> None:
        """Notes that Redis replied to this loop."""
        if self._retries is not None:
            self._outage.passed()
            self._end()

    def _end(self) -> None:
        self._retries = None
        self._over.set()


def is_of_server(error: BaseException) -> bool:
    """Whether an error concerns the whole server: it is unreachable, or refuses all clients for now.

    A connection that breaks or is silent during one call may do so because of that call.
    """
    return classify_failure(error) in (CommandFailure.UNREACHABLE, CommandFailure.TRANSIENT, CommandFailure.DENIED)
