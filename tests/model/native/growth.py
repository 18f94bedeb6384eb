"""`monarq queues shards`: a queue grows to more shards, and the command may stop and be repeated at any point."""

from __future__ import annotations

from tests.model.native.calls import SetShards, Word
from tests.model.native.guards import Guard
from tests.model.native.surroundings import Surroundings
from tests.model.native.terms import FIRST_SHARDS, GROWN_SHARDS, HORIZON


class Growth:
    """One run of the command.

    It tells each old shard; waits until what it told can no longer be lost, and tells them again, as it may have been
    lost meanwhile; then it opens the new ones in the same way.

    Attributes:
        has_finished: all shards know, and cannot forget.
    """

    def __init__(self, around: Surroundings) -> None:
        self.has_finished = False
        self._around = around
        old, new = list(range(FIRST_SHARDS)), list(range(FIRST_SHARDS, GROWN_SHARDS))
        self._rounds = [old, new] if around.is_on(Guard.GROW_OLD_FIRST) else [new, old]
        self._settled_at = 0
        self._begin_round()

    def _begin_round(self) -> None:
        self._to_tell = list(self._rounds[0])
        self._was_news = False

    def step(self) -> None:
        """Makes the next call."""
        if self._around.clock.now <= self._settled_at:
            return
        word = self._around.send(SetShards(self._to_tell[0], GROWN_SHARDS, FIRST_SHARDS))
        if word is None:
            return
        self._was_news |= word is Word.SET
        del self._to_tell[0]
        if not self._to_tell:
            self._end_round()

    def _end_round(self) -> None:
        if self._was_news and self._around.is_on(Guard.GROW_SETTLED):
            self._settled_at = self._around.clock.now + HORIZON
        else:
            del self._rounds[0]
        self.has_finished = not self._rounds
        if self._rounds:
            self._begin_round()
