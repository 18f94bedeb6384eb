"""Time limits: cancels the runs that reach their limit, with one timer for all runs with the same limit.

Most runs end long before their limit: a timer for each would be created and dropped for nothing, which would cost a
considerable part of a short job.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import Final

from monarq.workers.runs.run import ActiveRun, CancelReason

_EARLY_S: Final = 0.0015
"""How early a timer may fire: uvloop counts from the ms that has begun, and rounds to the nearest.

Timers that must not fire early are set this much later.
"""


def timeout_after(limit_s: float | None) -> asyncio.Timeout:
    """Like `asyncio.timeout`, but never ends before `limit_s` seconds; None for no limit."""
    return asyncio.timeout(None if limit_s is None else limit_s + _EARLY_S)


class TimeLimits:
    """The time limits of one worker's runs.

    1. start: a run's time begins.
    2. stop: the run has ended.

    Args:
        loop: the worker's event loop.
        clock: returns monotonic seconds.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Callable[[], float] = time.monotonic) -> None:
        self._loop = loop
        self._clock = clock
        # Runs with the same limit reach it in the order in which they started, so only the first needs a timer.
        self._ends_s: dict[float, dict[ActiveRun, float]] = {}
        self._has_timer: set[float] = set()
        # A timer set in a run's context would keep that run alive.
        self._context = copy_context()

    def start(self, run: ActiveRun, limit_s: float) -> None:
        """Cancels the run after `limit_s` seconds, never earlier, unless it is stopped before."""
        ends_s = self._ends_s.get(limit_s)
        if ends_s is None:
            ends_s = self._ends_s[limit_s] = {}
        ends_s[run] = self._clock() + limit_s
        if limit_s not in self._has_timer:
            self._set_timer(limit_s, limit_s)

    def stop(self, run: ActiveRun, limit_s: float) -> None:
        """Forgets the run."""
        self._ends_s[limit_s].pop(run, None)

    def _set_timer(self, limit_s: float, wait_s: float) -> None:
        self._has_timer.add(limit_s)
        self._loop.call_later(wait_s + _EARLY_S, self._cancel_due, limit_s, context=self._context)

    def _cancel_due(self, limit_s: float) -> None:
        self._has_timer.remove(limit_s)
        ends_s = self._ends_s[limit_s]
        while ends_s:
            run, end_s = next(iter(ends_s.items()))
            wait_s = end_s - self._clock()
            if wait_s > 0:
                self._set_timer(limit_s, wait_s)
                return
            del ends_s[run]
            run.cancel(CancelReason.TIMEOUT)
