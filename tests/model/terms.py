"""The words in which the model, the real queue and the promises speak of jobs and times.

Times are whole seconds since the example began. A score is one of those, plus 0.5 while it is the end of a lease;
`FRONT` stands for the score 1 and `PARKED` for the one in the far future.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from monarq.shared.formats.arq.keys import LEASED_MARK
from monarq.shared.lane import LaneQueue

FRONT: Final = -math.inf
PARKED: Final = math.inf

# No two of these, nor their sums with the steps of time (40, 120 and 400), ever fall on the same moment by chance.
LEASE_S: Final = 100
LEASES_S: Final = 40 * LEASE_S
DELAY_S: Final = 60
PAYLOAD_S: Final = 140
RESULT_S: Final = 220
NO_RESULT_S: Final = 60
LETTER_S: Final = 380
GIVEN_UP_S: Final = 3600
CANCEL_WAIT_S: Final = 1
GRAIN_S: Final = 20


@dataclass(frozen=True, slots=True)
class Job:
    """A job that an enqueue asks for."""

    id: str
    payload: str
    lane_queue: LaneQueue = "io"
    delay_s: int = 0
    ttl_s: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """One job of a claim's reply, as the worker holds it; `lane_queue` is the set it came from."""

    id: str
    worker: str
    token: str
    lane_queue: LaneQueue
    payload: str | None
    tries: int
    crashes: int
    score: float
    asked_s: float | None


@dataclass(slots=True)
class Expiring:
    """A key with a time to live."""

    value: str
    until: float = math.inf


def shown(score: float) -> float:
    """A time as it is compared: in steps of 20 s, which all but `CANCEL_WAIT_S` are; and the mark of a lease."""
    if math.isinf(score):
        return score
    mark = LEASED_MARK if score % 1 == LEASED_MARK else 0
    return (score - mark) // GRAIN_S * GRAIN_S + mark
