"""Notes: the unusual state of a job, such as retries and crashes, as written by include/notes.lua."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from monarq.shared.redis.replies import text

_LARGE: Final = "b"
_ASKED: Final = "x"
_DEFAULT: Final = "y"
_PLAIN: Final = ("-", _LARGE)
_EXPIRY: Final = re.compile(f"([{_ASKED}{_DEFAULT}])([0-9]{{1,16}})")
"""The flags of a job that expires: its producer requested it, or does so for every job, as arq's clients do."""

_NOTE: Final = re.compile(rb"(\d+) (\d+) (\d+) (\d+) (\S+)\|(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Note:
    """The unusual state of a job.

    Attributes:
        tries: tries that it has used.
        crashes: how often it was running when its worker, or its process, was lost.
        unknown_ms: since when no worker has known its name, unix ms; None if a worker does.
        due_ms: when it was last due, unix ms; 0 if the note does not have it.
        text: what is known about its last crash.
        expires_ms: the time after which it is not started, unix ms, if it came from another queue and its payload does
            not have it.
        may_expire: whether its producer set an expiry.
        features: its flags that this version does not know; '' for none.
    """

    tries: int = 0
    crashes: int = 0
    unknown_ms: int | None = None
    due_ms: int = 0
    text: str = ""
    expires_ms: int | None = None
    may_expire: bool = False
    features: str = ""


_NO_NOTE: Final = Note()


def read_note(note: bytes | None) -> Note:
    """Reads a note; an unreadable one counts as none."""
    found = _NOTE.fullmatch(note) if note else None
    if found is None:
        return _NO_NOTE
    tries, crashes, unknown_ms, due_ms = (int(number) for number in found.groups()[:4])
    known = Note(tries, crashes, unknown_ms or None, due_ms, text(found[6]))
    flags = text(found[5])
    return known if flags in _PLAIN else _with_flags(known, flags)


def _with_flags(note: Note, flags: str) -> Note:
    expiry = _EXPIRY.search(flags)
    features = _EXPIRY.sub("", flags).replace("-", "").replace(_LARGE, "")
    if expiry is None:
        return replace(note, features=features)
    return replace(note, expires_ms=int(expiry[2]), may_expire=expiry[1] == _ASKED, features=features)


def write_note(note: Note, *, is_large: bool) -> str:
    """A note as the scripts read it; '' if it would be empty.

    Args:
        note: the note.
        is_large: whether a claim reads the job's payload separately.
    """
    flags = _LARGE if is_large else ""
    if note.expires_ms is not None:
        flags += f"{_ASKED if note.may_expire else _DEFAULT}{note.expires_ms}"
    flags += note.features
    if note == _NO_NOTE and not flags:
        return ""
    return f"{note.tries} {note.crashes} {note.unknown_ms or 0} {note.due_ms} {flags or '-'}|{note.text}"
