"""The stand-ins of freezegun, which replaces datetime and date in all modules while it holds the time.

Its values are sent as what they stand for, and annotations that are read meanwhile mean the classes themselves.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

REAL: Final = (datetime, date)
"""The classes themselves: freezegun replaces names of modules, but no items of tuples."""


def real_class(kind: Any) -> Any:
    """The class that one of freezegun's stands for; any other hint as it is."""
    if not isinstance(kind, type) or kind.__module__ != "freezegun.api":
        return kind
    return next((real for real in REAL if real in kind.__mro__), kind)


def real_value(value: Any) -> Any:
    """The datetime or date that one of freezegun's stands for; any other value as it is."""
    kind = real_class(type(value))
    if kind is type(value):
        return value
    day = (value.year, value.month, value.day)
    if kind is not REAL[0]:
        return kind(*day)
    return kind(*day, value.hour, value.minute, value.second, value.microsecond, value.tzinfo, fold=value.fold)
