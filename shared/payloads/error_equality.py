"""Whether an exception that was made again is the one that it was made from: class, text, arguments and attributes."""

from __future__ import annotations

from collections.abc import Iterator
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any, Final

from monarq.shared.text.error_text import message_of

_FOR_HINTS: Final = "obj"
"""Where an AttributeError keeps the object that lacks the attribute, for "did you mean"; no pickle of one keeps it."""

_NO_FIELD: Final = object()
_OWN: Final = frozenset(("__dict__", "__weakref__", _FOR_HINTS))


def errors_equal(error: BaseException, copy: object) -> bool:
    """Whether `copy` can stand for `error`: nothing that a program or a person looks at differs."""
    return (
        type(copy) is type(error)
        and isinstance(copy, BaseException)
        and message_of(copy) == message_of(error)
        and _alike(error.args, copy.args)
        and _alike(error_attributes(error), error_attributes(copy))
    )


def error_attributes(error: BaseException) -> dict[str, Any]:
    """All attributes of an exception but its arguments: notes, file names, slots, and what its class has set."""
    found = {name: value for name in _field_names(type(error)) if (value := _field(error, name)) is not _NO_FIELD}
    return found | getattr(error, "__dict__", {})


def _field_names(kind: type[BaseException]) -> Iterator[str]:
    for base in kind.__mro__:
        if base is BaseException:
            return
        for name, value in vars(base).items():
            if isinstance(value, (MemberDescriptorType, GetSetDescriptorType)) and name not in _OWN:
                yield name


def _field(error: BaseException, name: str) -> object:
    # Empty slots, and fields that mean nothing to this error, are as those that are not there.
    value: object = getattr(error, name, None)
    return _NO_FIELD if value is None else value


def _alike(value: object, copy: object) -> bool:
    if type(value) is not type(copy):
        return False
    if isinstance(value, BaseException):
        return errors_equal(value, copy)
    if isinstance(value, dict) and isinstance(copy, dict):
        return _alike(list(value.items()), list(copy.items()))
    if isinstance(value, (list, tuple)) and isinstance(copy, (list, tuple)):
        return len(value) == len(copy) and all(map(_alike, value, copy))
    # An object whose class says nothing of equality was pickled, so it is a copy; NaN is no equal of itself.
    return bool(value == copy) or value != value or type(value).__eq__ is object.__eq__
