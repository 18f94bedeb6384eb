"""Whether a class, made again of the values of its fields, may have other values in them."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from types import FunctionType, MemberDescriptorType
from typing import Any, Final

_HOOKS: Final = ("__post_init__", "__attrs_post_init__", "__attrs_pre_init__")

_METHODS: Final = ("__init__", "__new__", "__setattr__", "__getattribute__")

_GENERATED: Final = ("<string>", "<attrs generated")
"""How the file names of code begin that dataclasses, NamedTuple and attrs generate."""

_OF_ATTRS: Final = ("attr/_make.py", "attr\\_make.py")


def may_change(kind: Any, fields: Iterable[str]) -> bool:
    """Whether the constructor of a class, or what sets or reads its fields, may change their values.

    Args:
        kind: a class with fields.
        fields: their names.
    """
    if any(hasattr(kind, name) for name in _HOOKS):
        return True
    if any(attribute.converter is not None for attribute in getattr(kind, "__attrs_attrs__", ())):
        return True
    if _is_by_hand(type(kind).__call__) or any(_is_by_hand(getattr(kind, name)) for name in _METHODS):
        return True
    return any(_is_descriptor(inspect.getattr_static(kind, name, None)) for name in fields)


def _is_by_hand(method: Any) -> bool:
    """Whether a method was written by hand: neither generated for the class nor one of a built-in class."""
    code = getattr(method, "__code__", None)
    return code is not None and not code.co_filename.startswith(_GENERATED) and not code.co_filename.endswith(_OF_ATTRS)


def _is_descriptor(attribute: Any) -> bool:
    """Whether a class's attribute decides what its instances have under its name; a slot and a default do not."""
    if isinstance(attribute, (MemberDescriptorType, FunctionType)) or type(attribute).__name__ == "_tuplegetter":
        return False
    return hasattr(type(attribute), "__set__") or hasattr(type(attribute), "__get__")
