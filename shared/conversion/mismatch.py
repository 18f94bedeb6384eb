"""The error for a value that is not of its type, with the path to it inside the argument or result."""

from __future__ import annotations

from types import NoneType
from typing import Any, Final, NoReturn

_SHOWN: Final = (NoneType, bool, int, float, str, bytes)
_LONGEST: Final = 60

TOO_DEEP: Final = "it is nested too deeply for Python's recursion limit, or contains itself: pass a flatter value"
"""The reason if a conversion reached the recursion limit."""


class MismatchError(Exception):
    """A value is not of its type.

    Attributes:
        reason: what was expected, what was found, and what to do.
        path: where it is, in Python's notation: ``[3].price``; '' for the value itself.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason

    def inside(self, step: str) -> MismatchError:
        """The same error, with the path from the enclosing value."""
        self.path = step + self.path
        return self


def refuse(expected: str, value: Any, advice: str = "") -> NoReturn:
    """Raises the error for a value of the wrong type."""
    got = describe(value)
    if got == expected and value is not None:  # another class with the same name, such as numpy's bool
        got = f"{type(value).__module__}.{got}"
    raise MismatchError(f"expected {expected}, got {got}{advice and f'; {advice}'}")


def derived_advice(value: Any, kind: type) -> str:
    """Advice for a value of a subclass, whose additional data would be lost; '' for other values."""
    name = kind.__qualname__
    return f"this subclass would come back as a {name}: annotate the subclass" if isinstance(value, kind) else ""


def describe(value: Any) -> str:
    """A value's type and, if it is short and safe to show, its text."""
    kind = type(value)
    name = "None" if value is None else kind.__qualname__
    if value is None or kind not in _SHOWN:
        return name
    try:
        shown = repr(value if kind not in (str, bytes) else value[:_LONGEST])
    except ValueError:  # an int with thousands of digits
        return name
    return f"{name} {shown if len(shown) <= _LONGEST + 3 else shown[:_LONGEST] + '...'}"
