"""The calls of the format's scripts, their replies, and `Scripts`, the boundary that model and real scripts share.

A call is a value: it can be sent now, kept for later or sent twice. Its payload is the number of its enqueue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeVar

from tests.model.native.state import QueueState
from tests.model.native.terms import Ended, Lane, Return

R_co = TypeVar("R_co", covariant=True)


class Call(Protocol[R_co]):
    """A call of one script, on one shard."""

    @property
    def shard(self) -> int:
        """The shard whose keys it gets."""

    def to(self, scripts: Scripts) -> R_co:
        """Calls the script."""


class Word(StrEnum):
    """What a script answers."""

    OK = "ok"
    IN = "in"
    EXISTED = "existed"
    UNKNOWN = "unknown"
    BARRED = "barred"
    TOO_LATE = "too late"
    WAIT = "wait"
    SHARDS = "shards"
    GONE = "gone"
    LOST = "lost"
    HOLDS = "holds"
    ALIVE = "alive"
    MORE = "more"
    DONE = "done"
    NONE = "none"
    ASKED = "asked"
    FREE = "free"
    SET = "set"


@dataclass(frozen=True, slots=True)
class Enqueued:
    """The reply of `enqueue` and `find`; with `Word.SHARDS` it says how many there are, and were before."""

    word: Word
    shards: int = 0
    before: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """A job as a claim gives it; `cancelled` where its cancellation was asked for."""

    job_id: str
    payload: int
    tries: int
    crashes: int
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """The reply of `claim`; with `Word.SHARDS` it took nothing, and says how many there are."""

    word: Word
    jobs: tuple[Taken, ...] = ()
    shards: int = 0


@dataclass(frozen=True, slots=True)
class Beaten:
    """The reply of `beat`: how many jobs are held, and which of them are asked to cancel."""

    word: Word
    held: int = 0
    cancels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The reply of `reconcile`: the listed ids that are not held."""

    word: Word
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """The reply of `look`: IN where the job has not ended, DONE with how it has, NONE where there is neither."""

    word: Word
    how: Ended | None = None


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Puts a job in.

    Attributes:
        call: names this enqueue, whatever is repeated.
        shards: how many its sender believes in.
        again: it repeats a call whose outcome is unknown.
        until: when a repetition stops to hold.
        due: when a deferred job is due; None for a job that is queued.
        since: since when a queued job has waited elsewhere; None for now.
        marked: the call stays barred until `forget`, for a transfer from elsewhere.
        cancelled: its cancellation was asked for where it comes from.
    """

    shard: int
    call: str
    job_id: str
    payload: int
    shards: int
    again: bool = False
    until: int = 0
    lane: Lane = Lane.IO
    due: int | None = None
    since: int | None = None
    priority: int = 0
    tries: int = 0
    crashes: int = 0
    marked: bool = False
    cancelled: bool = False

    def to(self, scripts: Scripts) -> Enqueued:
        return scripts.enqueue(self)


@dataclass(frozen=True, slots=True)
class Find:
    """Looks for an id in its old home, for the `Enqueue` that its other fields are of."""

    shard: int
    call: str
    job_id: str
    payload: int
    shards: int
    again: bool
    marked: bool

    def to(self, scripts: Scripts) -> Enqueued:
        return scripts.find(self)


@dataclass(frozen=True, slots=True)
class Forget:
    """Ends the mark of a transfer: its source is gone."""

    shard: int
    call: str

    def to(self, scripts: Scripts) -> Word:
        return scripts.forget(self)


@dataclass(frozen=True, slots=True)
class Claim:
    """Takes jobs of one lane; `shards` is how many its worker believes in."""

    shard: int
    inc: str
    lane: Lane
    number: int
    limit: int
    first: bool = False
    again: bool = False
    shards: int = 1

    def to(self, scripts: Scripts) -> Claimed:
        return scripts.claim(self)


@dataclass(frozen=True, slots=True)
class Finish:
    """Ends a job. `payload` is for the checks alone: no script gets it."""

    shard: int
    inc: str
    job_id: str
    token: str
    payload: int
    how: Ended
    keep: bool = True

    def to(self, scripts: Scripts) -> Word:
        return scripts.finish(self)


@dataclass(frozen=True, slots=True)
class Requeue:
    """Returns a job, `tries` being those that it has used. `payload` is for the checks alone: no script gets it."""

    shard: int
    inc: str
    job_id: str
    token: str
    payload: int
    why: Return
    lane: Lane
    tries: int
    due: int | None = None

    def to(self, scripts: Scripts) -> Word:
        return scripts.requeue(self)


@dataclass(frozen=True, slots=True)
class Beat:
    """Renews a lease."""

    shard: int
    inc: str

    def to(self, scripts: Scripts) -> Beaten:
        return scripts.beat(self)


@dataclass(frozen=True, slots=True)
class Retire:
    """Ends an incarnation that holds nothing."""

    shard: int
    inc: str

    def to(self, scripts: Scripts) -> Word:
        return scripts.retire(self)


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Compares what a worker runs with what it holds.

    Attributes:
        known: id -> token of what the worker runs, as far as this page goes.
        above, upto: for each lane, the claim numbers that this page speaks of: above < number <= upto.
    """

    shard: int
    inc: str
    known: dict[str, str] = field(hash=False)
    above: dict[Lane, int] = field(hash=False)
    upto: dict[Lane, int] = field(hash=False)

    def to(self, scripts: Scripts) -> Reconciled:
        return scripts.reconcile(self)


@dataclass(frozen=True, slots=True)
class Recover:
    """Takes back what an incarnation holds, `limit` jobs at most."""

    shard: int
    inc: str
    forced: bool = False
    limit: int = 1

    def to(self, scripts: Scripts) -> Word:
        return scripts.recover(self)


@dataclass(frozen=True, slots=True)
class Cancel:
    """Ends a job that waits, or asks the worker of one that runs."""

    shard: int
    job_id: str

    def to(self, scripts: Scripts) -> Word:
        return scripts.cancel(self)


@dataclass(frozen=True, slots=True)
class Look:
    """Asks for the result of a job, as whoever waits for it does."""

    shard: int
    job_id: str

    def to(self, scripts: Scripts) -> Seen:
        return scripts.look(self)


@dataclass(frozen=True, slots=True)
class Promote:
    """Makes a deferred job queued."""

    shard: int
    job_id: str

    def to(self, scripts: Scripts) -> Word:
        return scripts.promote(self)


@dataclass(frozen=True, slots=True)
class Pause:
    """Pauses a queue, or resumes it."""

    shard: int
    paused: bool

    def to(self, scripts: Scripts) -> Word:
        return scripts.pause(self)


@dataclass(frozen=True, slots=True)
class Purge:
    """Drops the first jobs that are queued in a lane."""

    shard: int
    lane: Lane
    limit: int = 1

    def to(self, scripts: Scripts) -> Word:
        return scripts.purge(self)


@dataclass(frozen=True, slots=True)
class Revive:
    """Makes a job of a dead letter; or only asks whether that may be, where its id has another home now."""

    shard: int
    job_id: str
    shards: int
    only_asks: bool = False

    def to(self, scripts: Scripts) -> Enqueued:
        return scripts.revive(self)


@dataclass(frozen=True, slots=True)
class Discard:
    """Drops the dead letter that holds this payload."""

    shard: int
    job_id: str
    payload: int

    def to(self, scripts: Scripts) -> Word:
        return scripts.discard(self)


@dataclass(frozen=True, slots=True)
class SetShards:
    """Tells a shard how many there are; `Word.SET` where that was news, else `Word.OK`."""

    shard: int
    shards: int
    before: int

    def to(self, scripts: Scripts) -> Word:
        return scripts.set_shards(self)


class Scripts(Protocol):
    """One method a script."""

    def enqueue(self, call: Enqueue) -> Enqueued: ...
    def find(self, call: Find) -> Enqueued: ...
    def forget(self, call: Forget) -> Word: ...
    def claim(self, call: Claim) -> Claimed: ...
    def finish(self, call: Finish) -> Word: ...
    def requeue(self, call: Requeue) -> Word: ...
    def beat(self, call: Beat) -> Beaten: ...
    def retire(self, call: Retire) -> Word: ...
    def reconcile(self, call: Reconcile) -> Reconciled: ...
    def recover(self, call: Recover) -> Word: ...
    def cancel(self, call: Cancel) -> Word: ...
    def look(self, call: Look) -> Seen: ...
    def promote(self, call: Promote) -> Word: ...
    def pause(self, call: Pause) -> Word: ...
    def purge(self, call: Purge) -> Word: ...
    def revive(self, call: Revive) -> Enqueued: ...
    def discard(self, call: Discard) -> Word: ...
    def set_shards(self, call: SetShards) -> Word: ...

    def state(self, shard: int) -> QueueState:
        """What Redis holds of a shard now, as a value of its own."""

    def restore(self, shard: int, state: QueueState) -> None:
        """Redis goes back to an earlier state of a shard."""
