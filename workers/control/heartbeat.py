"""What a worker tells its supervisor each second, with the beat of its event loop."""

from __future__ import annotations

import msgspec

from monarq.shared.lane import Home


class Hunger(msgspec.Struct, frozen=True):
    """How long a worker has had a free place and no job for it.

    Attributes:
        queue: where from.
        home: which of its sets, and so for which places.
        for_s: seconds since it last got a job there, or had no place free.
    """

    queue: str
    home: Home
    for_s: float


class Pulse(msgspec.Struct, frozen=True):
    """How a worker stands.

    Attributes:
        running: how many jobs it runs.
        lag_s: the largest delay of its event loop since its last beat.
        renewed_s: seconds since Redis last took its record and its leases.
        hungry: for each set of each queue, how long nothing was claimed although there was a place.
        started: how many jobs it has started so far.
        abandoned_threads: threads that still go on although their jobs were given up.
    """

    running: int = 0
    lag_s: float = 0.0
    renewed_s: float = 0.0
    hungry: list[Hunger] = []
    started: int = 0
    abandoned_threads: int = 0
