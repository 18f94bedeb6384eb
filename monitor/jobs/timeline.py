"""A job's own timeline: what happened to it and when, from what its keys tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast, get_args

from monarq.shared.commands.jobs.claim import read_number
from monarq.shared.redis.scripts import text

What = Literal[
    "enqueued",
    "due",
    "started",
    "retried",
    "crashed",
    "handed-back",
    "unknown",
    "abort-asked",
    "promoted",
    "revived",
    "done",
    "failed",
    "aborted",
    "dead",
]
_TOLD: Final = frozenset(get_args(What))


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened to a job, or will.

    Attributes:
        at_ms: when, unix ms. By Redis' clock, but for "enqueued", which its client tells, and "started", "done",
            "failed" and "aborted", which its worker tells.
        what: what it was. "due": it waits for this moment; "retried": a try failed, and another follows; "handed-back":
            its worker stopped; "unknown": a worker did not know it, it waits for one that does; "promoted": somebody
            made it due; "revived": somebody put it back from the dead.
        note: of a try that failed the error; of a crash what is known of it; of a run the worker.
        tries: of "retried", how many tries are used.
        delay_ms: of "retried", ms until the next try.
    """

    at_ms: int
    what: What
    note: str = ""
    tries: int | None = None
    delay_ms: int | None = None


def read_trail(entries: Iterable[bytes]) -> list[Moment]:
    """What the scripts have told, the oldest first; entries of other versions are left out."""
    moments = []
    for entry in entries:
        at, _, told = text(entry).partition(" ")
        what, _, words = told.partition(" ")
        at_ms = read_number(at.encode())
        if what not in _TOLD or not at_ms:
            continue
        if what == "retried":
            tries, delay_ms, note = _words(words, 3)
            moments.append(Moment(at_ms, "retried", note, read_number(tries.encode()), read_number(delay_ms.encode())))
        else:
            moments.append(Moment(at_ms, cast("What", what), words))
    return moments


def _words(given: str, count: int) -> Sequence[str]:
    words = given.split(" ", count - 1)
    return words + [""] * (count - len(words))


def in_order(moments: Iterable[Moment | None]) -> tuple[Moment, ...]:
    """The moments by time; those of one ms stay in the order in which they are given."""
    return tuple(sorted((moment for moment in moments if moment is not None), key=lambda moment: moment.at_ms))
