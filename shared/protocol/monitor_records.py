"""Records that workers leave in a queue for people: of themselves, of their crons, and of jobs that ended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """A worker's record of itself.

    Attributes:
        worker_id: its name in Redis.
        data: the record, as JSON.
        alive: whether its heartbeat is in time.
    """

    worker_id: str
    data: bytes
    alive: bool


@dataclass(frozen=True, slots=True)
class CronRecord:
    """What a worker says of a cron.

    Attributes:
        data: what it is and when it is next, as JSON.
        last_ms: its newest tick, unix ms; None where that is not stored.
    """

    data: bytes
    last_ms: int | None


@dataclass(frozen=True, slots=True)
class EndedRecord:
    """A job that ended lately.

    Attributes:
        raw_id: its id.
        name: its name, '' where its payload has none.
        state: "succeeded", "failed", "dead" (failed, with a dead letter) or "cancelled".
        ended_ms: when, unix ms by Redis' clock.
        run_ms: how long its function ran; of similar jobs that ended together, the mean. None where it was not called.
        lane: the lane that its worker noted, '' for none.
    """

    raw_id: bytes
    name: str
    state: str
    ended_ms: int
    run_ms: int | None
    lane: str
