"""What a queue, a job and a job's id may be called: what Redis, logs and pages can all show."""

from __future__ import annotations

import unicodedata
from typing import Final

from monarq.shared.errors import SettingsError

LONGEST_NAME: Final = 250
"""Bytes of the name of a queue or a job: it is part of keys, and stands in each payload, log line and metric."""

LONGEST_ID: Final = 1000
"""Bytes of a job's id."""

_UNFIT: Final = frozenset({"Cc", "Zl", "Zp", "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Categories and directions of characters that break lines, steer terminals or turn the writing round."""


def check_text(name: object, what: str) -> None:
    """Looks at what is to be a name, whatever its length: arq has no limits.

    Args:
        name: the name; None where none was given.
        what: whose it is, for the error.

    Raises:
        SettingsError: it is no text, empty, or cannot be written as UTF-8.
    """
    if name is None:
        return
    if not isinstance(name, str):
        raise SettingsError(f"{what} is {name!r}: give text, such as {str(name)!r}")
    if not name:
        raise SettingsError(f"{what} must not be empty: leave it out instead")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise SettingsError(f"{what} is {name!r}, which cannot be written as UTF-8") from None


def check_name(name: str | None, what: str) -> None:
    """Looks at the name of a queue or a job.

    Raises:
        SettingsError: it is none (see `check_text`), is too long, or has control characters.
    """
    check_text(name, what)
    if name is None:
        return
    _check_length(name, what, LONGEST_NAME)
    if not name.isprintable() and any(map(_is_unfit, name)):
        raise SettingsError(f"{what} is {name!r}: control characters and line breaks have no place in a name")


def check_job_id(job_id: str | None, what: str = "job_id") -> None:
    """Looks at the id of a job.

    Raises:
        SettingsError: it is none (see `check_text`), or is too long.
    """
    check_text(job_id, what)
    if job_id is not None:
        _check_length(job_id, what, LONGEST_ID)


def _check_length(name: str, what: str, longest: int) -> None:
    # No character takes more than four bytes, so most names need not be written to be measured.
    if len(name) * 4 > longest and (size := len(name.encode())) > longest:
        raise SettingsError(f"{what} is {name[:40]!r}… of {size:,} bytes: it may have {longest:,} at most")


def _is_unfit(character: str) -> bool:
    return unicodedata.category(character) in _UNFIT or unicodedata.bidirectional(character) in _UNFIT
