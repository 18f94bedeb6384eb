"""Dead letters as a queue lists and keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

BATCH: Final = 1000
"""The most dead letters that one call revives or discards."""


class DeadEntry(NamedTuple):
    """A job in the list of the dead.

    Attributes:
        raw_id: its id.
        died_ms: when it died, unix ms by Redis' clock.
    """

    raw_id: bytes
    died_ms: float


@dataclass(frozen=True, slots=True)
class DeadRecord:
    """A dead letter as a worker has written it.

    Attributes:
        raw_id: the job's id.
        name: the job's name; '' where its payload has none.
        letter: the letter, as JSON.
        died_ms: when it was written, unix ms by Redis' clock.
        payload_bytes: the size of the job's payload; None where that was gone.
    """

    raw_id: bytes
    name: str
    letter: bytes
    died_ms: int
    payload_bytes: int | None
