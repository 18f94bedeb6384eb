"""Whether a rebuilt value equals the original, for classes whose constructors may change values."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from monarq.shared.conversion.mismatch import MismatchError
from monarq.shared.stand_ins import real_value

_MISSING: Final = object()

_NUMBERS: Final = {int, float}
"""An int counts as equal to a float, as in an unchecked default."""


def check_same(name: str, value: Any, plain: Any, decode: Callable[[Any], Any], *, with_derived: bool = False) -> None:
    """Checks that a value comes back unchanged.

    Args:
        name: its type.
        value: the value.
        plain: its plain form.
        decode: rebuilds it.
        with_derived: also compare the fields of a dataclass that its constructor does not take.

    Raises:
        MismatchError: it would come back changed.
    """
    try:
        back = decode(plain)
    except MismatchError as error:
        raise MismatchError(f"this {name} would not come back: {error}") from error.__cause__
    found = difference(value, back, with_derived=with_derived)
    if found is not None:
        raise MismatchError(
            f"this would come back as another value: call monarq.register_type to define how {name} is sent"
        ).inside(found)


def difference(one: Any, other: Any, *, with_derived: bool = False) -> str | None:
    """The path to the first difference of two values, in Python's notation; None if they are the same.

    Types must be the same at any depth, and nan equals nan. Objects whose class does not define equality are compared
    by their attributes.
    """
    if one is other:
        return None
    if type(one) is not type(other):
        one, other = real_value(one), real_value(other)
    kind = type(one)
    if kind is not type(other):
        return None if {kind, type(other)} == _NUMBERS and one == other else ""
    if kind in (list, deque) or issubclass(kind, tuple):
        if len(one) != len(other):
            return ""
        return _first((f"[{at}]", a, b) for at, (a, b) in enumerate(zip(one, other, strict=True)))
    if kind is dict:
        return "" if one.keys() != other.keys() else _first((f"[{key!r}]", one[key], other[key]) for key in one)
    attributes = _attributes(one, with_derived=with_derived)
    own: Any = kind.__eq__
    if attributes is None and own is object.__eq__:
        attributes = getattr(one, "__dict__", {})
    if attributes is not None:
        others = _attributes(other, with_derived=with_derived) or getattr(other, "__dict__", {})
        names = dict.fromkeys((*attributes, *others))
        return _first((f".{name}", attributes.get(name, _MISSING), others.get(name, _MISSING)) for name in names)
    try:
        return None if one == other or (one != one and other != other) else ""
    except Exception:  # noqa: BLE001 - it cannot be compared: a Decimal that signals, say
        return None


def _first(parts: Iterable[tuple[str, Any, Any]]) -> str | None:
    for step, one, other in parts:
        found = difference(one, other)
        if found is not None:
            return step + found
    return None


def _attributes(value: Any, *, with_derived: bool) -> Mapping[str, Any] | None:
    """The attributes of an instance of a class with fields; None for other classes."""
    kind = type(value)
    if isinstance(fields := getattr(kind, "model_fields", None), dict):
        extra = getattr(value, "__pydantic_extra__", None) or {}
        private = getattr(value, "__pydantic_private__", None) or {}
        return {name: getattr(value, name, _MISSING) for name in fields} | extra | private
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind) if field.init or with_derived]
    elif (attributes := getattr(kind, "__attrs_attrs__", None)) is not None:
        names = [attribute.name for attribute in attributes if attribute.init]
    elif isinstance(own := getattr(kind, "__struct_fields__", None), tuple):
        names = list(own)
    else:
        return None
    return {name: getattr(value, name, _MISSING) for name in names}
