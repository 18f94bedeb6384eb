"""What every actor of the model works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from random import Random
from typing import TypeVar

from tests.model.native.calls import Call, Scripts
from tests.model.native.checks import Checks
from tests.model.native.clock import Clock
from tests.model.native.guards import Guard
from tests.model.native.network import Network
from tests.model.native.state import QueueState

T = TypeVar("T")


@dataclass(slots=True)
class Surroundings:
    """What every actor works with.

    Attributes:
        states: what each shard held after the newest call of it.
        numbers: counts whatever needs a name of its own.
        log: the newest calls and replies, to be shown with a violation.
    """

    random: Random
    clock: Clock
    guards: frozenset[Guard]
    network: Network
    scripts: Scripts
    checks: Checks
    states: list[QueueState]
    numbers: count[int] = field(default_factory=lambda: count(1))
    log: list[str] = field(default_factory=list)

    def call(self, call: Call[T]) -> T:
        """Executes a call, and has it checked."""
        reply = call.to(self.scripts)
        self.log.append(f"{self.clock.now}: {call} -> {reply}")
        before = self.states[call.shard]
        self.states[call.shard] = self.scripts.state(call.shard)
        self.checks.observe(call, reply, before, self.states[call.shard])
        return reply

    def send(self, call: Call[T]) -> T | None:
        """Sends a call; None where its sender learns nothing."""
        return self.network.send(call.shard, partial(self.call, call))

    def send_elsewhere(self, execute: Callable[[], T]) -> T | None:
        """Sends a call to another Redis."""
        return self.network.send(-1, execute)

    def is_on(self, guard: Guard) -> bool:
        """Whether a rule is kept."""
        return guard in self.guards

    def chance(self, of: float) -> bool:
        """True as often as said."""
        return self.random.random() < of
