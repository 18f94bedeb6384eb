"""What unions have tried: a type that refused a value is not asked again about the same one.

Classes that hold unions of themselves would multiply the tries with each level: a value of 40 levels would take years.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from monarq.shared.conversion.mismatch import MismatchError

Convert = Callable[[Any], Any]


class _Tries(threading.local):
    """The conversion that runs in this thread: no other one of the same thread interrupts it.

    Attributes:
        failed: the conversions that failed, each with its value, which thereby keeps its id; None outside of unions.
    """

    failed: dict[tuple[Convert, int], Any] | None = None


_TRIES: Final = _Tries()


def tried(convert: Convert, value: Any) -> Any:
    """What a member of a union makes of a value.

    Raises:
        MismatchError: the member refuses it, now or before in the same conversion.
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
