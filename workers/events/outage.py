"""Redis outages, as one loop of a worker meets them: reported once, retried with backoff, and reported as over."""

from __future__ import annotations

from monarq.shared.redis.backoff import Backoff
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.listener import Listener


class Outage:
    """The outages of Redis in one loop, reported as the events `redis_lost` and `redis_back`.

    Args:
        events: gets the two events of each outage.
        doing: what the loop does, such as "looking for aborts".
    """

    def __init__(self, events: Dispatcher | Listener, doing: str) -> None:
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
