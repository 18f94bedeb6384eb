"""A record of failed conversions in unions, so that no member tries the same value twice.

With classes that contain unions of themselves, the number of tries would grow exponentially with the depth of a value:
40 levels would take years.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from monarq.shared.conversion.mismatch import MismatchError

Convert = Callable[[Any], Any]


class _Tries(threading.local):
    """The state of the conversion in this thread; conversions in one thread do not overlap.

    Attributes:
        failed: the failed conversions, each with its value, so that its id is not reused; None outside of unions.
        changed: the same for those that changed what they got, with the result and the number of changes.
        changes: how often a value became one of another type: an int a float, or a tuple a list.
    """

    failed: dict[tuple[Convert, int], Any] | None = None
    changed: Final[dict[tuple[Convert, int], tuple[Any, Any, int]]]
    changes: int = 0

    def __init__(self) -> None:
        self.changed = {}


_TRIES: Final = _Tries()


def note_changes(count: int = 1) -> None:
    """Notes that values become ones of another type, so that a union prefers a member that keeps them."""
    _TRIES.changes += count


def tried_changes(encode: Convert, value: Any) -> tuple[Any, int]:
    """A value, encoded by a member of a union, and how many values in it become ones of another type.

    Raises:
        MismatchError: the member refuses it, now or earlier in the same conversion.
    """
    if (known := _TRIES.changed.get((encode, id(value)))) is not None:
        return known[1:]
    before = _TRIES.changes
    try:
        plain = tried(encode, value)
        changes = _TRIES.changes - before
    finally:
        _TRIES.changes = before
    if changes and _TRIES.failed is not None:
        _TRIES.changed[encode, id(value)] = value, plain, changes
    return plain, changes


def tried(convert: Convert, value: Any) -> Any:
    """A value, converted by a member of a union.

    Raises:
        MismatchError: the member refuses it, now or earlier in the same conversion.
    """
    failed = _TRIES.failed
    if failed is None:
        _TRIES.failed = {}
        try:
            return convert(value)
        finally:
            _TRIES.failed = None
            _TRIES.changed.clear()
    key = (convert, id(value))
    if key in failed:
        raise MismatchError("it was refused before")
    try:
        return convert(value)
    except MismatchError:
        failed[key] = value
        raise
