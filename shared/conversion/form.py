"""A form: how the values of one type travel. It turns a value into a plain one, which msgpack holds, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from types import NoneType
from typing import Any, Final

from monarq.shared.conversion.mismatch import MismatchError

LEAST_INT: Final = -(2**63)
MOST_INT: Final = 2**64 - 1
"""The integers that msgpack holds."""

ATOMS: Final = frozenset({NoneType, bool, int, float, str, bytes})
"""The types whose values are plain and hold no others."""

PLAIN_KINDS: Final = ATOMS | {list, dict, datetime}
"""The types of plain values. A datetime among them is in UTC."""

NOTHING: Final[frozenset[type]] = frozenset()

Convert = Callable[[Any], Any]


@dataclass(slots=True, eq=False)
class Form:
    """How values of one type travel.

    Attributes:
        name: the type, for messages and for tags in unions.
        encode: turns a value into a plain one; raises MismatchError where it is of another type.
        decode: turns a plain value into one of the type; raises MismatchError where that cannot be.
        kinds: the types that its plain values may have.
        types: the exact types of its values.
        free: those exact types whose values are plain already, and travel as they are. Of integers, those that
            msgpack holds.
        is_known: whether values of the type travel at all.
        keys: what the maps of a class with fields may have as keys; None for others.
    """

    name: str
    encode: Convert
    decode: Convert
    kinds: frozenset[type]
    types: frozenset[type]
    free: frozenset[type] = NOTHING
    is_known: bool = True
    keys: frozenset[str] | None = None


def are_free(values: Iterable[Any], free: frozenset[type]) -> bool:
    """Whether all these values travel as they are. Any number of them costs one call of each of a few builtins.

    Args:
        values: a list, a tuple or the like, which may be iterated more than once.
        free: the types whose values do, as in `Form.free`.
    """
    kinds = set(map(type, values))
    if not kinds <= free:
        return False
    if int not in kinds:
        return True
    ints = values if len(kinds) == 1 else [value for value in values if type(value) is int]
    return min(ints) >= LEAST_INT and max(ints) <= MOST_INT


def convert_each(convert: Convert, values: Iterable[Any]) -> list[Any]:
    """What each value is converted to; a MismatchError names the position."""
    done: list[Any] = []
    try:
        for value in values:
            done.append(convert(value))  # noqa: PERF401 - their number is the position of the error
    except MismatchError as error:
        raise error.inside(f"[{len(done)}]") from error.__cause__
    return done
