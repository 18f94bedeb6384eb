"""Values without an annotation: plain ones are sent unchanged; others, which would come back changed, are refused."""

from __future__ import annotations

from datetime import UTC
from typing import Any, Final

from monarq.shared.conversion.advice import article, not_plain
from monarq.shared.conversion.form import ATOMS, LEAST_INT, MOST_INT, PLAIN_KINDS, Form, are_free, convert_each
from monarq.shared.conversion.mismatch import MismatchError
from monarq.shared.stand_ins import REAL, real_class

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
    if real_class(kind) is REAL[0] and value.tzinfo is UTC:
        return value
    raise MismatchError(not_plain(value))


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


PLAIN: Final = Form("any plain value", check_plain, lambda value: value, PLAIN_KINDS, PLAIN_KINDS, ATOMS)
"""The form of values without an annotation."""
