"""Dead letters, as listed and stored by a queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

BATCH: Final = 1000
"""The most dead letters that one call revives or discards."""


class DeadEntry(NamedTuple):
    """An entry in the list of dead jobs.

    Attributes:
        raw_id: its id.
        died_ms: when it died, unix ms by Redis' clock.
    """

    raw_id: bytes
    died_ms: float


@dataclass(frozen=True, slots=True)
class DeadRecord:
    """A dead letter as written by a worker.

    Attributes:
        raw_id: the job's id.
        name: the job's name; '' if its payload has none.
        letter: the letter, as JSON.
        died_ms: when it was written, unix ms by Redis' clock.
        payload_bytes: the size of the job's payload; None if it was gone.
    """

    raw_id: bytes
    name: str
    letter: bytes
    died_ms: int
    payload_bytes: int | None
