"""What Redis holds of one shard of a queue."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.model.native.terms import Ended, Lane


@dataclass(frozen=True, slots=True)
class Note:
    """What is rare about a job.

    Attributes:
        tries: retries that its runs asked for.
        crashes: workers that died while they held it.
        priority: higher comes first.
    """

    tries: int = 0
    crashes: int = 0
    priority: int = 0


@dataclass(slots=True)
class Held:
    """What one incarnation runs.

    Attributes:
        right: the right to act.
        newest: the number of the newest claim of each lane.
        tokens: id -> token of its claim.
    """

    right: bool
    newest: dict[Lane, int]
    tokens: dict[str, str]


@dataclass(frozen=True, slots=True)
class End:
    """That a job has ended, and until when that is known."""

    how: Ended
    until: int


def _zsets() -> dict[Lane, dict[str, int]]:
    return {lane: {} for lane in Lane}


@dataclass(slots=True)
class QueueState:
    """The keys of one shard.

    Attributes:
        shards: how many there are; None where this one is not opened.
        before: how many there were before growth.
        last: the newest stamp.
        incarnations: how many were counted, where they are counted.
        payloads: id -> payload. A payload is the number of the enqueue that sent it.
        queued, deferred: for each lane: id -> score, id -> when it is due.
        held: incarnation -> what it runs.
        leases: incarnation -> when its lease ends.
        gone: incarnation -> since when it may not act.
        cancels: ids of running jobs that are asked to cancel.
        barred: enqueue call -> until when it is remembered.
        results, tombstones: id -> its end.
        letters: id -> payload of its dead letter.
    """

    shards: int | None = None
    before: int = 0
    paused: bool = False
    last: int = 0
    incarnations: int = 0
    payloads: dict[str, int] = field(default_factory=dict)
    queued: dict[Lane, dict[str, int]] = field(default_factory=_zsets)
    deferred: dict[Lane, dict[str, int]] = field(default_factory=_zsets)
    held: dict[str, Held] = field(default_factory=dict)
    leases: dict[str, int] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)
    notes: dict[str, Note] = field(default_factory=dict)
    cancels: set[str] = field(default_factory=set)
    barred: dict[str, float] = field(default_factory=dict)
    results: dict[str, End] = field(default_factory=dict)
    tombstones: dict[str, End] = field(default_factory=dict)
    letters: dict[str, int] = field(default_factory=dict)

    def copy(self) -> QueueState:
        """One that does not change with this one."""
        return QueueState(
            self.shards,
            self.before,
            self.paused,
            self.last,
            self.incarnations,
            self.payloads.copy(),
            {lane: ids.copy() for lane, ids in self.queued.items()},
            {lane: ids.copy() for lane, ids in self.deferred.items()},
            {inc: Held(one.right, one.newest.copy(), one.tokens.copy()) for inc, one in self.held.items()},
            self.leases.copy(),
            self.gone.copy(),
            self.notes.copy(),
            self.cancels.copy(),
            self.barred.copy(),
            self.results.copy(),
            self.tombstones.copy(),
            self.letters.copy(),
        )

    def note(self, job_id: str) -> Note:
        """A job's note; one that says nothing where it has none."""
        return self.notes.get(job_id, Note())

    def ordered(self, lane: Lane) -> list[str]:
        """What is queued, in the order in which claims take it."""
        queued = self.queued[lane]
        return sorted(queued, key=lambda job_id: (queued[job_id], job_id))
