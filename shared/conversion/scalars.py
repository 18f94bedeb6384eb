"""Forms of single values: numbers, text, bytes, times, ids, paths."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from types import NoneType
from typing import Any, Final
from uuid import UUID

import msgspec

from monarq.shared.conversion.form import LEAST_INT, MOST_INT, NOTHING, Form
from monarq.shared.conversion.mismatch import MismatchError, derived_advice, refuse
from monarq.shared.conversion.moments import DATETIME
from monarq.shared.conversion.tries import note_changes
from monarq.shared.stand_ins import real_value

_STR: Final = frozenset({str})
_BIG: Final = re.compile(r"-?[0-9]{19,}")


def exactly(kind: type, name: str) -> Form:
    """The form of a type whose values are already plain."""

    def check(value: Any) -> Any:
        return value if type(value) is kind else refuse(name, value)

    return Form(name, check, check, frozenset({kind}), frozenset({kind}), frozenset({kind}))


def as_text(kind: type, name: str, write: Callable[[Any], str], read: Callable[[str], Any]) -> Form:
    """The form of a type whose values are sent as text."""

    def encode(value: Any) -> str:
        if type(value) is not kind and type(value := real_value(value)) is not kind:
            refuse(name, value, derived_advice(value, kind))
        return write(value)

    def decode(plain: Any) -> Any:
        if type(plain) is not str:
            refuse(f"{name} as text", plain)
        try:
            return read(plain)
        except (ValueError, ArithmeticError, msgspec.ValidationError):
            refuse(f"{name} as text", plain)

    return Form(name, encode, decode, _STR, frozenset({kind}))


def _encode_int(value: Any) -> int | str:
    if type(value) is int:
        return value if LEAST_INT <= value <= MOST_INT else _big_text(value)
    if type(value) is bool:
        return value
    return _encode_int(int.__index__(value)) if isinstance(value, int) else refuse("int", value)


def _big_text(value: int) -> str:
    try:
        return str(value)
    except ValueError as error:  # Python's own limit of 4,300 digits
        raise MismatchError(f"this int is too large to be sent: {error}") from None


def _decode_int(plain: Any) -> int:
    if type(plain) is int or type(plain) is bool:
        return plain
    if type(plain) is str and _BIG.fullmatch(plain):
        try:
            value = int(plain)
        except ValueError:
            refuse("int", plain)
        if not LEAST_INT <= value <= MOST_INT:
            return value
    return refuse("int", plain)


def _as_float(value: Any) -> float:
    if type(value) is float:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            refuse("float", value, "it is too large for a float")
        if number != value:
            refuse("float", value, "a float cannot hold it exactly: pass it as a float, or annotate it as int")
        note_changes()
        return number
    return float.__float__(value) if isinstance(value, float) else refuse("float", value)


def _encode_str(value: Any) -> str:
    if type(value) is str:
        return value
    return str.__str__(value) if isinstance(value, str) else refuse("str", value)


def _decode_str(plain: Any) -> str:
    return plain if type(plain) is str else refuse("str", plain)


def _encode_bytearray(value: Any) -> bytes:
    return bytes(value) if type(value) is bytearray else refuse("bytearray", value)


def _decode_bytearray(plain: Any) -> bytearray:
    return bytearray(plain) if type(plain) is bytes else refuse("bytearray as bytes", plain)


def _encode_complex(value: Any) -> list[float]:
    return [value.real, value.imag] if type(value) is complex else refuse("complex", value)


def _decode_complex(plain: Any) -> complex:
    if type(plain) is not list or len(plain) != 2:
        refuse("complex as a list of two numbers", plain)
    return complex(_as_float(plain[0]), _as_float(plain[1]))


def _write_time(value: time) -> str:
    if value.tzinfo is not None and value.utcoffset() is None:
        raise MismatchError("this time has a zone whose offset depends on the date: pass a datetime")
    return value.isoformat()


def _read_duration(text: str) -> timedelta:
    return msgspec.convert(text, timedelta)


def _read_decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise ValueError from error


def _paths() -> dict[Any, Form]:
    own = type(Path())
    made: dict[Any, Form] = {}
    for kind, real in ((Path, own), (PurePath, type(PurePath())), (own, own)):
        made[kind] = as_text(real, kind.__name__, str, kind)
    for pure in (PurePosixPath, PureWindowsPath):
        made[pure] = as_text(pure, pure.__name__, str, pure)
    return made


_INTS: Final = frozenset({int, bool})

INT: Final = Form("int", _encode_int, _decode_int, _INTS, _INTS, _INTS)
"""An int of more than 64 bits is sent as text. Unions tag it, so text is not among the kinds."""

SCALARS: Final[dict[Any, Form]] = {
    NoneType: exactly(NoneType, "None"),
    bool: exactly(bool, "bool"),
    int: INT,
    float: Form("float", _as_float, _as_float, frozenset({float}), frozenset({float}), frozenset({float})),
    str: Form("str", _encode_str, _decode_str, _STR, _STR, _STR),
    bytes: exactly(bytes, "bytes"),
    bytearray: Form(
        "bytearray", _encode_bytearray, _decode_bytearray, frozenset({bytes}), frozenset({bytearray}), NOTHING
    ),
    complex: Form("complex", _encode_complex, _decode_complex, frozenset({list}), frozenset({complex})),
    datetime: DATETIME,
    date: as_text(date, "date", date.isoformat, date.fromisoformat),
    time: as_text(time, "time", _write_time, time.fromisoformat),
    timedelta: as_text(timedelta, "timedelta", msgspec.to_builtins, _read_duration),
    Decimal: as_text(Decimal, "Decimal", str, _read_decimal),
    UUID: as_text(UUID, "UUID", str, UUID),
    **_paths(),
}
"""The forms of types that contain no others."""
