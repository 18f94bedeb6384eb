"""What a loop of a worker does while Redis fails it: it tells so once, waits ever longer, and tells when it is over."""

from __future__ import annotations

from monarq.shared.redis.backoff import Backoff
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.listener import Listener


class Outage:
    """The spells of trouble of one loop.

    Args:
        events: hears of the begin and of the end of each.
        doing: what does not work meanwhile, such as "looking for aborts".
    """

    def __init__(self, events: Dispatcher | Listener, doing: str) -> None:
        self._events = events
        self._doing = doing
        self._backoff = Backoff()

    def failed(self, error: BaseException) -> float:
        """The loop's call failed; gives the seconds until it is to be tried again."""
        if not self._backoff.failing:
            self._events.redis_lost(self._doing, error)
        return self._backoff.next_s()

    def passed(self) -> None:
        """It went through."""
        if self._backoff.failing:
            self._backoff.reset()
            self._events.redis_back(self._doing)
