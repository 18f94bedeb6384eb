"""How far one cron entry has come, and whether it is to be left alone for a while because it fails."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime

from monarq.shared.redis.backoff import Backoff
from monarq.workers.cron.entry import CronEntry


@dataclass(slots=True)
class Course:
    """One entry's course. An entry that fails by itself rests now and then, and keeps no other waiting.

    Attributes:
        entry: what it is of.
        last: its newest tick.
        next_tick: when the next is to be enqueued.
        starts: whether it is yet to be enqueued for the start.
        backoff: how long it rests.
        rests_until_s: until when it does, by the monotonic clock.
    """

    entry: CronEntry
    last: datetime
    next_tick: datetime
    starts: bool
    backoff: Backoff = field(default_factory=Backoff)
    rests_until_s: float = 0.0

    @property
    def rest_s(self) -> float:
        """For how long it is to be left alone yet."""
        return self.rests_until_s - time.monotonic() if self.backoff.failing else 0.0

    def fail(self) -> bool:
        """It could not be looked after; says whether that is new."""
        is_new = not self.backoff.failing
        self.rests_until_s = time.monotonic() + self.backoff.next_s()
        return is_new
