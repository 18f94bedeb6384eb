"""Equality of exceptions: whether a deserialized one equals the original in class, text, arguments and attributes."""

from __future__ import annotations

from collections.abc import Iterator
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any, Final

from monarq.shared.text.error_text import message_of

_FOR_HINTS: Final = "obj"
"""Where an AttributeError stores the object for "did you mean" hints; a pickle never includes it."""

_NO_FIELD: Final = object()
_NOT_COMPARED: Final = frozenset(("__dict__", "__weakref__", _FOR_HINTS))


def errors_equal(error: BaseException, copy: object) -> bool:
    """Whether `copy` can replace `error`: nothing that a program or a reader looks at differs."""
    return (
        type(copy) is type(error)
        and isinstance(copy, BaseException)
        and message_of(copy) == message_of(error)
        and _values_equal(error.args, copy.args)
        and _values_equal(error_attributes(error), error_attributes(copy))
    )


def error_attributes(error: BaseException) -> dict[str, Any]:
    """All attributes of an exception except its arguments: notes, file names, slots, and those that its class sets."""
    found = {name: value for name in _field_names(type(error)) if (value := _field(error, name)) is not _NO_FIELD}
    return found | getattr(error, "__dict__", {})


def _field_names(kind: type[BaseException]) -> Iterator[str]:
    for base in kind.__mro__:
        if base is BaseException:
            return
        for name, value in vars(base).items():
            if isinstance(value, (MemberDescriptorType, GetSetDescriptorType)) and name not in _NOT_COMPARED:
                yield name


def _field(error: BaseException, name: str) -> object:
    # Empty slots, and fields without a meaning for this error, count as missing.
    value: object = getattr(error, name, None)
    return _NO_FIELD if value is None else value


def _values_equal(value: object, copy: object) -> bool:
    if type(value) is not type(copy):
        return False
    if isinstance(value, BaseException):
        return errors_equal(value, copy)
    if isinstance(value, dict) and isinstance(copy, dict):
        return _values_equal(list(value.items()), list(copy.items()))
    if isinstance(value, (list, tuple)) and isinstance(copy, (list, tuple)):
        return len(value) == len(copy) and all(map(_values_equal, value, copy))
    # An object whose class defines no equality was pickled, so it counts as equal; NaN does not equal itself.
    return bool(value == copy) or value != value or type(value).__eq__ is object.__eq__
