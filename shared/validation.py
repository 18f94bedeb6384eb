"""Validation of names of queues and jobs and of job ids: Redis, logs and pages must all be able to show them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Final

from monarq.shared.errors import SettingsError

MAX_NAME_BYTES: Final = 250
"""The longest name of a queue or a job: it is part of keys, and of each payload, log line and metric."""

MAX_JOB_ID_BYTES: Final = 1000
"""The longest job id."""

_FORBIDDEN: Final = frozenset({"Cc", "Zl", "Zp", "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Categories and directions of characters that break lines, control terminals or reverse the text."""


def check_text(name: object, what: str) -> None:
    """Checks a name of any length: arq has no limits.

    Args:
        name: the name; None where none was given.
        what: what it names, for the error.

    Raises:
        SettingsError: it is not text, is empty, or cannot be written as UTF-8.
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
    """Checks the name of a queue or a job.

    Raises:
        SettingsError: it is not a name (see `check_text`), is too long, or has control characters.
    """
    check_text(name, what)
    if name is None:
        return
    _check_length(name, what, MAX_NAME_BYTES)
    if not name.isprintable() and any(map(_is_forbidden, name)):
        raise SettingsError(f"{what} is {name!r}: control characters and line breaks have no place in a name")


def check_job_id(job_id: str | None, what: str = "job_id") -> None:
    """Checks the id of a job.

    Raises:
        SettingsError: it is not an id (see `check_text`), or is too long.
    """
    check_text(job_id, what)
    if job_id is not None:
        _check_length(job_id, what, MAX_JOB_ID_BYTES)


def _check_length(name: str, what: str, longest: int) -> None:
    # No character takes more than four bytes, so most names need not be encoded to be measured.
    if len(name) * 4 > longest and (size := len(name.encode())) > longest:
        raise SettingsError(f"{what} is {name[:40]!r}… of {size:,} bytes: it may have {longest:,} at most")


def _is_forbidden(character: str) -> bool:
    return unicodedata.category(character) in _FORBIDDEN or unicodedata.bidirectional(character) in _FORBIDDEN


def check_headers(headers: object) -> dict[str, str]:
    """The headers of a job, checked.

    Raises:
        SettingsError: they are no mapping of text to text.
    """
    if not isinstance(headers, Mapping):
        raise SettingsError(f"headers is {headers!r}: give a dict of text by name")
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise SettingsError(f"headers: {name!r}: {value!r} is not text by name")
        check_text(name, "a header's name")
        if value:
            check_text(value, f"the header {name!r}")
    return dict(headers)
