"""A job's timeline: the events of its life in order, from its history and its other keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast, get_args

from monarq.shared.redis.replies import read_number, text

EventKind = Literal[
    "enqueued",
    "due",
    "started",
    "retried",
    "crashed",
    "handed-back",
    "unknown",
    "cancel-asked",
    "promoted",
    "revived",
    "succeeded",
    "failed",
    "cancelled",
]
_KINDS: Final = frozenset(get_args(EventKind))


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """An event of a job's life, past or to come.

    Attributes:
        at_ms: the time, unix ms by Redis' clock; by its client's clock for "enqueued", by its worker's for "started",
            "succeeded", "failed" and "cancelled".
        what: the kind of event. "due": it waits until then; "retried": a try failed and another follows;
            "handed-back": its worker stopped; "unknown": a worker did not know it, and it waits for one that does;
            "promoted": somebody made it due; "revived": somebody put it back from the dead letters.
        note: the error of a failed try, what is known about a crash, or the worker of a run.
        tries: for "retried", how many tries are used.
        delay_ms: for "retried", ms until the next try.
        worker: for "retried", the worker that ran it; '' if unknown.
    """

    at_ms: int
    what: EventKind
    note: str = ""
    tries: int | None = None
    delay_ms: int | None = None
    worker: str = ""


def read_history(entries: Iterable[bytes]) -> list[TimelineEvent]:
    """The events that the scripts have recorded, oldest first; entries of other versions are left out."""
    events = []
    for entry in entries:
        at, _, event = text(entry).partition(" ")
        what, _, words = event.partition(" ")
        at_ms = read_number(at.encode())
        if what not in _KINDS or not at_ms:
            continue
        if what == "retried":
            tries, delay_ms, note = _words(words, 3)
            worker, note = _words(note[1:], 2) if note.startswith("@") else ("", note)
            used, wait_ms = read_number(tries.encode()), read_number(delay_ms.encode())
            events.append(TimelineEvent(at_ms, "retried", note, used, wait_ms, worker))
        else:
            events.append(TimelineEvent(at_ms, cast("EventKind", what), words))
    return events


def _words(line: str, count: int) -> Sequence[str]:
    words = line.split(" ", count - 1)
    return words + [""] * (count - len(words))


def in_order(events: Iterable[TimelineEvent | None]) -> tuple[TimelineEvent, ...]:
    """The events by time; those with the same ms keep the given order."""
    return tuple(sorted((event for event in events if event is not None), key=lambda event: event.at_ms))
