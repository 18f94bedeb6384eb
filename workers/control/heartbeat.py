"""The heartbeat that a worker sends to its supervisor each second, from its event loop."""

from __future__ import annotations

import msgspec

from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.queue_ref import QueueRef


class IdleTime(msgspec.Struct, frozen=True):
    """How long a worker has had a free slot without getting a job for it.

    Attributes:
        queue: the queue that the job would come from.
        lane_queue: the set of the queue, which determines the lane of the slot.
        idle_s: seconds since it last got a job there, or had no free slot.
    """

    queue: QueueRef
    lane_queue: LaneQueue
    idle_s: float


class Heartbeat(msgspec.Struct, tag="heartbeat", frozen=True):
    """Worker to supervisor, every second: the event loop is alive, and this is the worker's state.

    Attributes:
        running: how many jobs it runs.
        lag_s: the largest delay of its event loop since the last heartbeat.
        renewed_s: seconds since Redis last accepted its record and its leases.
        idle: for each set of each queue, how long nothing was claimed although there was a free slot.
        started: how many jobs it has started so far.
        abandoned_threads: how many threads still run although their jobs were abandoned.
        closing: whether all its jobs have ended and the program's lifespans and hooks are closing.
    """

    running: int = 0
    lag_s: float = 0.0
    renewed_s: float = 0.0
    idle: list[IdleTime] = []
    started: int = 0
    abandoned_threads: int = 0
    closing: bool = False
