"""Notes: what is rare about a job, as include/notes.lua writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from monarq.shared.redis.replies import text

_NOTE: Final = re.compile(rb"(\d+) (\d+) (\d+) (\d+) (\S+)\|(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Note:
    """What is rare about a job.

    Attributes:
        tries: tries that it has used.
        crashes: how often it was running when its worker, or its process, was lost.
        unknown_ms: since when no worker has known its name, unix ms; None where this is not so.
        due_ms: when it was due last, unix ms; 0 where the note does not say.
        text: what is known of its last crash.
    """

    tries: int = 0
    crashes: int = 0
    unknown_ms: int | None = None
    due_ms: int = 0
    text: str = ""


_NO_NOTE: Final = Note()


def read_note(note: bytes | None) -> Note:
    """Reads a note; one that cannot be read counts as none."""
    found = _NOTE.fullmatch(note) if note else None
    if found is None:
        return _NO_NOTE
    tries, crashes, unknown_ms, due_ms = (int(number) for number in found.groups()[:4])
    return Note(tries, crashes, unknown_ms or None, due_ms, text(found[6]))
