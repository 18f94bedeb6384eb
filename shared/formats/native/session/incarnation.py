"""An incarnation: a worker's identity in one native queue, until its jobs are taken back or it is idle there.

Its name is never used again, so that a late call, from the network or a frozen worker, cannot act for its successor.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from monarq.shared.lane import LaneQueue


@dataclass(slots=True)
class LaneClaims:
    """The claims of one lane queue.

    Attributes:
        number: the number of the newest claim that was sent, or of the one to send next.
        is_answered: whether its reply has come.
    """

    number: int = 0
    is_answered: bool = True

    def next(self) -> int:
        """The number of the claim to send: the last one again if its reply never came."""
        if self.is_answered:
            self.number += 1
        return self.number


@dataclass(slots=True, eq=False)
class Incarnation:
    """One incarnation.

    Attributes:
        name: its name in Redis: the worker's id, a dot, and a number.
        is_open: whether Redis knows it.
        claims: its claims, by lane queue. Their numbers continue from one incarnation of a worker to the next, so that
            no two jobs that it ever held have the same id and token.
        held: how many jobs it holds, as far as its worker knows.
    """

    name: str
    is_open: bool = False
    claims: dict[LaneQueue, LaneClaims] = field(default_factory=lambda: {"io": LaneClaims(), "cpu": LaneClaims()})
    held: int = 0

    @property
    def may_be_open(self) -> bool:
        """Whether Redis may know it: also true if the reply to its first claim never came."""
        return self.is_open or self.has_open_claim

    @property
    def has_open_claim(self) -> bool:
        """Whether a claim has no reply yet."""
        return not all(lane.is_answered for lane in self.claims.values())

    def successor(self, name: str) -> Incarnation:
        """The worker's next incarnation."""
        return Incarnation(name, claims={lane: LaneClaims(claims.number) for lane, claims in self.claims.items()})
