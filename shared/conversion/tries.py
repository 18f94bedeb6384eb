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
    """

    failed: dict[tuple[Convert, int], Any] | None = None


_TRIES: Final = _Tries()


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
    key = (convert, id(value))
    if key in failed:
        raise MismatchError("it was refused before")
    try:
        return convert(value)
    except MismatchError:
        failed[key] = value
        raise
