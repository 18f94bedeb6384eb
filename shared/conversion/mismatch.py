"""The error of a value that is not of its type, with the path to it inside of the argument or result."""

from __future__ import annotations

from types import NoneType
from typing import Any, Final, NoReturn

_SHOWN: Final = (NoneType, bool, int, float, str, bytes)
_LONGEST: Final = 60

TOO_DEEP: Final = "it is nested too deeply for Python's recursion limit, or holds itself: pass a flatter value"
"""The reason where a conversion reached the recursion limit."""


class MismatchError(Exception):
    """A value is not of its type.

    Attributes:
        reason: what was expected, what was found, and what to do.
        path: where it is, as Python writes it: ``[3].price``; '' for the value itself.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason

    def inside(self, step: str) -> MismatchError:
        """The same error, seen from the value that holds the one it is of."""
        self.path = step + self.path
        return self


def refuse(expected: str, value: Any, advice: str = "") -> NoReturn:
    """Raises the error of a value in whose place another was expected."""
    got = describe(value)
    if got == expected and value is not None:  # another class of the same name, such as numpy's bool
        got = f"{type(value).__module__}.{got}"
    raise MismatchError(f"expected {expected}, got {got}{advice and f'; {advice}'}")


def derived_advice(value: Any, kind: type) -> str:
    """What to do about a value of a subclass, whose own part would be lost; '' where it is none."""
    name = kind.__qualname__
    return f"a subclass, which would come back as a {name}: annotate it" if isinstance(value, kind) else ""


def describe(value: Any) -> str:
    """A value as its type and, where that is short and safe to show, its text."""
    kind = type(value)
    name = "None" if value is None else kind.__qualname__
    if value is None or kind not in _SHOWN:
        return name
    try:
        shown = repr(value if kind not in (str, bytes) else value[:_LONGEST])
    except ValueError:  # an int of thousands of digits
        return name
    return f"{name} {shown if len(shown) <= _LONGEST + 3 else shown[:_LONGEST] + '...'}"
