"""Values without an annotation: plain ones are sent unchanged; others, which would come back changed, are refused."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from monarq.shared.conversion.form import ATOMS, LEAST_INT, MOST_INT, PLAIN_KINDS, Form, are_free, convert_each
from monarq.shared.conversion.mismatch import MismatchError

_NEEDS_NO_LOOK: Final = ATOMS - {int}


def check_plain(value: Any) -> Any:
    """Returns the value itself.

    Raises:
        MismatchError: it, or a value in it at any depth, would come back as another type.
    """
    kind = type(value)
    if kind in _NEEDS_NO_LOOK:
        return value
    if kind is int:
        if LEAST_INT <= value <= MOST_INT:
            return value
        raise MismatchError(
            "this int has more than 64 bits, which needs an annotation: annotate it as int, or pass text"
        )
    if kind is list:
        if not are_free(value, ATOMS):
            convert_each(check_plain, value)
        return value
    if kind is dict:
        _check_dict(value)
        return value
    if kind is datetime and value.tzinfo is UTC:
        return value
    raise MismatchError(_reason(value, kind))


def _check_dict(value: dict[Any, Any]) -> None:
    if not are_free(value, ATOMS):
        for key in value:
            if type(key) not in ATOMS:
                name = type(key).__qualname__
                raise MismatchError(f"a key is {article(name)}: annotate the dict, as dict[{name}, ...]")
            check_plain(key)
    if are_free(value.values(), ATOMS):
        return
    for key, item in value.items():
        try:
            check_plain(item)
        except MismatchError as error:
            raise error.inside(f"[{key!r}]") from error.__cause__


def article(name: str) -> str:
    """A type's name with its article."""
    return f"{'an' if name[:1] in 'AEIOaeio' else 'a'} {name}"


def _reason(value: Any, kind: type) -> str:
    """Why a value cannot be sent without an annotation, and what to do."""
    name = kind.__qualname__
    one = article(name)
    if kind is tuple:
        return "a tuple would come back as a list: pass a list, or annotate it as tuple[...]"
    if kind in (set, frozenset):
        return f"{one} would come back as a list: pass a list, or annotate it as {name}[...]"
    if kind is datetime:
        came = "text" if value.tzinfo is None else "the same instant in UTC"
        return f"this datetime would come back as {came}: annotate it as datetime, or pass one with tzinfo=datetime.UTC"
    base = next((base for base in (*ATOMS, list, dict) if base is not bool and issubclass(kind, base)), None)
    if issubclass(kind, Enum):
        return f"{one} would come back as its value: annotate it as {name}, or pass its value"
    if base is not None:
        return f"{one} would come back as a {base.__name__}: annotate it as {name}, or pass a {base.__name__}"
    return f"{one} would not come back as {one}: annotate it as {name}, or pass numbers, text, lists and dicts"


PLAIN: Final = Form("any plain value", check_plain, lambda value: value, PLAIN_KINDS, PLAIN_KINDS, ATOMS)
"""The form of values without an annotation."""
