"""Kinds of classes that are sent by their fields."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

import msgspec


def is_record(kind: Any) -> bool:
    """Whether it is a class with known fields: a dataclass, an attrs class, a msgspec struct or a TypedDict."""
    if not isinstance(kind, type):
        return False
    is_struct = issubclass(kind, msgspec.Struct)
    return is_struct or dataclasses.is_dataclass(kind) or hasattr(kind, "__attrs_attrs__") or typing.is_typeddict(kind)


def is_named_tuple(kind: type) -> bool:
    """Whether it is a NamedTuple."""
    return issubclass(kind, tuple) and hasattr(kind, "_fields")
