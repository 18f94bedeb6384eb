"""Validation of queue names, job names and job ids, which Redis, logs and web pages must all be able to show."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Final

from monarq.shared.errors import SettingsError

MAX_NAME_BYTES: Final = 250
"""The longest name of a queue or job, in bytes. Names are part of keys, payloads, log lines and metrics."""

MAX_JOB_ID_BYTES: Final = 1000
"""The longest job id, in bytes."""

_FORBIDDEN: Final = frozenset({"Cc", "Zl", "Zp", "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Unicode categories and directions of characters that break lines, control terminals or reverse text."""


def check_text(name: object, what: str) -> None:
    """Checks a name of any length (arq sets no limit).

    Args:
        name: the name; None if none was given.
        what: what the name stands for, for the error.

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
        SettingsError: it is not valid text (see `check_text`), is too long, or contains control characters.
    """
    check_text(name, what)
    if name is None:
        return
    _check_length(name, what, MAX_NAME_BYTES)
    if not name.isprintable() and any(map(_is_forbidden, name)):
        raise SettingsError(f"{what} is {name!r}: a name must not contain control characters or line breaks")


def check_job_id(job_id: str | None, what: str = "job_id") -> None:
    """Checks the id of a job.

    Raises:
        SettingsError: it is not valid text (see `check_text`), or is too long.
    """
    check_text(job_id, what)
    if job_id is not None:
        _check_length(job_id, what, MAX_JOB_ID_BYTES)


def _check_length(name: str, what: str, longest: int) -> None:
    # A character takes at most four bytes, so most names need not be encoded to check their size.
    if len(name) * 4 > longest and (size := len(name.encode())) > longest:
        raise SettingsError(f"{what} is {name[:40]!r}… of {size:,} bytes: the limit is {longest:,} bytes")


def _is_forbidden(character: str) -> bool:
    return unicodedata.category(character) in _FORBIDDEN or unicodedata.bidirectional(character) in _FORBIDDEN


def check_headers(headers: object) -> dict[str, str]:
    """The headers of a job, checked.

    Raises:
        SettingsError: they are not a mapping of text to text.
    """
    if not isinstance(headers, Mapping):
        raise SettingsError(f"headers is {headers!r}: give a dict of text to text")
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise SettingsError(f"headers: {name!r}: {value!r}: names and values must be text")
        check_text(name, "a header's name")
        if value:
            check_text(value, f"the header {name!r}")
    return dict(headers)
