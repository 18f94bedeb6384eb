"""What the tables of claim and release_claim start from and come to: jobs a and b, waiting or leased to worker w1."""

from __future__ import annotations

from typing import Final

from tests.shared.formats.arq.calls import LEASE_S, Taken, Took
from tests.support.queue_state import QueueState, Time, leased

NOTHING: Final = QueueState()
IO_NOTE: Final = frozenset({"io"})
STARTED: Final = {"started": "1"}
A_HELD: Final = {"w1": {"a": "t1"}}
AGAIN: Final = Took(next_due=LEASE_S)
"""A second call finds all leased, until the leases end."""


def took(*jobs: Taken) -> Took:
    """These jobs and no more: the next are due when their leases end."""
    return Took(jobs, LEASE_S)


def waiting(due: Time = -5, **more: Time) -> QueueState:
    """Job a is due, and others as it says."""
    queue = {"a": due, **more}
    return QueueState(queue=queue, payloads=dict.fromkeys(queue, "payload"))


def held(queue: dict[str, Time] | None = None) -> QueueState:
    """Job a is leased to w1, and others stand in the queue."""
    queue = {"a": leased(LEASE_S), **(queue or {})}
    return QueueState(
        queue=queue, payloads=dict.fromkeys(queue, "payload"), tokens={"a": "t1"}, leases=A_HELD, stats=STARTED
    )


BOTH: Final = waiting(-9, b=-5)
BOTH_HELD: Final = QueueState(
    queue={"a": leased(15), "b": leased(15)},
    payloads=dict.fromkeys("ab", "payload"),
    tokens=dict.fromkeys("ab", "t1"),
    leases={"w1": dict.fromkeys("ab", "t1")},
    stats={"started": "2"},
)
TOOK_BOTH: Final = took(Taken("a", due=-9), Taken("b"))
