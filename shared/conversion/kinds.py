"""Kinds of classes that are sent by their fields."""

from __future__ import annotations

import dataclasses
import sys
import typing
from typing import Any, Final

import msgspec

_QUALIFIERS: Final = frozenset({"Final", "ReadOnly", "Required", "NotRequired"})


def is_record(kind: Any) -> bool:
    """Whether it is a class with known fields: a dataclass, an attrs class, a msgspec struct or a TypedDict."""
    if not isinstance(kind, type):
        return False
    is_struct = issubclass(kind, msgspec.Struct)
    return is_struct or dataclasses.is_dataclass(kind) or hasattr(kind, "__attrs_attrs__") or is_typed_dict(kind)


def is_typed_dict(kind: Any) -> bool:
    """Whether it is a TypedDict, of typing or of typing_extensions."""
    extensions = sys.modules.get("typing_extensions")
    return typing.is_typeddict(kind) or (extensions is not None and extensions.is_typeddict(kind))


def is_named_tuple(kind: type) -> bool:
    """Whether it is a NamedTuple."""
    return issubclass(kind, tuple) and hasattr(kind, "_fields")


def is_qualifier(origin: Any) -> bool:
    """Whether it says something of a field besides its type, such as `Final`, in typing or typing_extensions."""
    return getattr(origin, "_name", None) in _QUALIFIERS
