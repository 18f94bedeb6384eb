"""Lane usage: how many jobs the io and cpu lanes of workers run, and how many they could.

One lane may be full while the other is idle. Metrics and JSON call the slots of a lane its places.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from monarq.monitor.queues.workers import WorkerStats
from monarq.shared.lane import LaneQueue

LANES: Final[tuple[LaneQueue, ...]] = ("io", "cpu")


@dataclass(frozen=True, slots=True)
class LaneUsage:
    """The usage of one lane.

    Attributes:
        lane: "io", which includes thread jobs, or "cpu".
        busy: how many jobs run in it.
        total: how many can; 0 for the cpu lane if no worker knows a cpu job, or its version does not report it.
    """

    lane: LaneQueue
    busy: int
    total: int

    @property
    def is_full(self) -> bool:
        """Whether there are slots and all are busy."""
        return 0 < self.total <= self.busy


def lane_usage(worker: WorkerStats) -> tuple[LaneUsage, ...]:
    """The usage of a worker's lanes, io first."""
    return (
        LaneUsage("io", worker.running - worker.cpu_running, worker.concurrency),
        LaneUsage("cpu", worker.cpu_running, worker.cpu_places),
    )


def total_lane_usage(workers: Iterable[WorkerStats]) -> tuple[LaneUsage, ...]:
    """The usage of the lanes of all live workers together."""
    each = [lane_usage(worker) for worker in workers if worker.alive]
    return tuple(
        LaneUsage(lane, sum(lanes[at].busy for lanes in each), sum(lanes[at].total for lanes in each))
        for at, lane in enumerate(LANES)
    )
