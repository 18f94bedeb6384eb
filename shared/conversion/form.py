"""A form: how values of one type are sent. It converts a value to a plain one, which msgpack can hold, and back."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from types import NoneType
from typing import Any, Final

from monarq.shared.conversion.mismatch import MismatchError

LEAST_INT: Final = -(2**63)
MOST_INT: Final = 2**64 - 1
"""The integers that msgpack can hold."""

ATOMS: Final = frozenset({NoneType, bool, int, float, str, bytes})
"""The types whose values are plain and contain no others."""

PLAIN_KINDS: Final = ATOMS | {list, dict, datetime}
"""The types of plain values. A datetime among them is in UTC."""

TYPE: Final = "$type"
VALUE: Final = "$value"
"""The keys of a tagged value, which says what it is."""

NOTHING: Final[frozenset[type]] = frozenset()

Convert = Callable[[Any], Any]


@dataclass(slots=True, eq=False)
class Form:
    """How values of one type are converted.

    Attributes:
        name: the type, for messages and for tags in unions.
        encode: converts a value to a plain one; raises MismatchError if it is of another type.
        decode: converts a plain value to one of the type; raises MismatchError if it cannot.
        kinds: the types that its plain values may have.
        types: the exact types of its values.
        free: those of the exact types whose values are plain already and need no conversion (integers only if they
            fit into msgpack).
        is_known: whether values of the type can be sent at all.
        keys: the keys that the maps of a class with fields may have; None for other types.
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
    """Whether none of these values needs conversion. It calls a few builtins once each, for any number of values.

    Args:
        values: a list, tuple or the like that can be iterated more than once.
        free: the types whose values need no conversion, as in `Form.free`.
    """
    kinds = set(map(type, values))
    if not kinds <= free:
        return False
    if int not in kinds:
        return True
    ints = values if len(kinds) == 1 else [value for value in values if type(value) is int]
    return min(ints) >= LEAST_INT and max(ints) <= MOST_INT


def convert_each(convert: Convert, values: Iterable[Any]) -> list[Any]:
    """The converted values; a MismatchError names the position."""
    done: list[Any] = []
    try:
        for value in values:
            done.append(convert(value))  # noqa: PERF401 - their number is the position of the error
    except MismatchError as error:
        raise error.inside(f"[{len(done)}]") from error.__cause__
    return done


def limit_of(parameter: typing.TypeVar) -> Any:
    """The type that limits what a type parameter may be: its bound, or the union of its constraints; None for none."""
    constraints = parameter.__constraints__
    return typing.Union[constraints] if constraints else parameter.__bound__  # noqa: UP007 - of a tuple


REGISTERED: Final[dict[type, Form]] = {}
"""The forms of the classes that `register_type` was called for."""
