"""Records that workers keep in a queue for display: of themselves, of their crons, and of ended jobs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """A worker's record of itself.

    Attributes:
        worker_id: its name in Redis.
        data: the record, as JSON.
        alive: whether its heartbeat is recent.
    """

    worker_id: str
    data: bytes
    alive: bool


@dataclass(frozen=True, slots=True)
class CronRecord:
    """A worker's record of a cron.

    Attributes:
        data: its description and next tick, as JSON.
        last_ms: its newest tick, unix ms; None if it is not stored.
    """

    data: bytes
    last_ms: int | None


@dataclass(frozen=True, slots=True)
class EndedRecord:
    """A job that ended recently.

    Attributes:
        raw_id: its id.
        name: its name; '' if its payload has none.
        state: "succeeded", "failed", "dead" (failed, with a dead letter) or "cancelled".
        ended_ms: when it ended, unix ms by Redis' clock.
        run_ms: how long its function ran, averaged over similar jobs that ended together; None if it was not called.
        lane: the lane that its worker recorded; '' for none.
    """

    raw_id: bytes
    name: str
    state: str
    ended_ms: int
    run_ms: int | None
    lane: str
