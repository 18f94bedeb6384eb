"""The places for jobs that workers have, by lane: full in one lane says nothing of the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from monarq.monitor.queues.workers import WorkerStats
from monarq.shared.lane import LaneQueue

LANES: Final[tuple[LaneQueue, ...]] = ("io", "cpu")


@dataclass(frozen=True, slots=True)
class Places:
    """Places of one lane.

    Attributes:
        lane: "io", in which thread jobs run too, or "cpu".
        busy: those in which a job runs.
        total: all that there are; 0 for those of the cpu lane where no worker knows a cpu job, or its version does not
            tell.
    """

    lane: LaneQueue
    busy: int
    total: int

    @property
    def are_full(self) -> bool:
        """Whether there are places and all are busy."""
        return 0 < self.total <= self.busy


def places_of(worker: WorkerStats) -> tuple[Places, ...]:
    """The places of a worker, those for io jobs first."""
    return (
        Places("io", worker.running - worker.cpu_running, worker.concurrency),
        Places("cpu", worker.cpu_running, worker.cpu_places),
    )


def all_places(workers: Iterable[WorkerStats]) -> tuple[Places, ...]:
    """The places of all those workers that are alive, together."""
    each = [places_of(worker) for worker in workers if worker.alive]
    return tuple(
        Places(lane, sum(places[at].busy for places in each), sum(places[at].total for places in each))
        for at, lane in enumerate(LANES)
    )
