"""What lies between a caller and Redis: a call may come late or never, and its reply may be lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from tests.model.native.clock import Clock
from tests.model.native.terms import LATE_AT_MOST

T = TypeVar("T")

COMES_LATE = 0.08
NEVER_COMES = 0.12
REPLY_IS_LOST = 0.22

STANDS_STILL = 0.2
"""Calls that come late, and stay on their way for long."""


@dataclass(frozen=True, slots=True)
class _Late:
    shard: int
    execute: Callable[[], object]
    sent: int
    not_before: int


class Network:
    """A connection to each shard.

    Attributes:
        calm: calls and replies arrive, until further notice.
        delivered_late: how many calls came late.
    """

    def __init__(self, random: Random, clock: Clock) -> None:
        self.calm = False
        self.delivered_late = 0
        self._random = random
        self._clock = clock
        self._under_way: list[_Late] = []

    def send(self, shard: int, execute: Callable[[], T]) -> T | None:
        """Has a call executed; None where its sender learns nothing."""
        luck = 1.0 if self.calm else self._random.random()
        if luck < COMES_LATE:
            self._under_way.append(self._late(shard, execute))
            return None
        if luck < NEVER_COMES:
            return None
        reply = execute()
        return None if luck < REPLY_IS_LOST else reply

    def _late(self, shard: int, execute: Callable[[], object]) -> _Late:
        stands_still = self._random.random() < STANDS_STILL
        wait = self._random.randint(LATE_AT_MOST // 3, LATE_AT_MOST) if stands_still else 0
        return _Late(shard, execute, self._clock.now, self._clock.now + wait)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is on its way."""
        return not self._under_way

    def deliver_one(self) -> bool:
        """Executes one of the calls that are late; False where none has arrived."""
        now = self._clock.now
        self._under_way = [one for one in self._under_way if one.sent >= now - LATE_AT_MOST]
        arrived = [one for one in self._under_way if one.not_before <= now]
        if not arrived:
            return False
        late = self._random.choice(arrived)
        self._under_way.remove(late)
        self.delivered_late += 1
        late.execute()
        return True

    def cut(self, shard: int) -> None:
        """Every connection to a shard breaks; what was under way never comes."""
        self._under_way = [one for one in self._under_way if one.shard != shard]
