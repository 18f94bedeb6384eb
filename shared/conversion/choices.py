"""Forms of types with a fixed set of values: enums and Literals."""

from __future__ import annotations

from enum import Enum, Flag
from types import NoneType
from typing import Any

from monarq.shared.conversion.form import ATOMS, LEAST_INT, MOST_INT, NOTHING, TYPE, VALUE, Form
from monarq.shared.conversion.mismatch import MismatchError, refuse
from monarq.shared.conversion.scalars import INT


def enum_form(kind: type[Enum]) -> Form:
    """The form of an enum. A member is sent as its value if all values are numbers or text, else as its name."""
    is_flag = issubclass(kind, Flag)
    by_value = is_flag or all(_is_found_by(member.value) for member in kind)
    name = kind.__qualname__

    def encode(value: Any) -> Any:
        if type(value) is not kind:
            refuse(name, value)
        if is_flag:
            return INT.encode(value.value)
        return value.value if by_value else value.name

    def decode(plain: Any) -> Any:
        plain = INT.decode(plain) if is_flag else plain
        try:
            member = kind(plain) if by_value else kind[plain]
        except (KeyError, ValueError, TypeError):
            refuse(name, plain)
        # 1, 1.0 and True are equal, but only one of them is the member's value.
        return member if not by_value or type(member.value) is type(plain) else refuse(name, plain)

    plains = frozenset(type(member.value) for member in kind) if by_value else frozenset({str})
    return Form(name, encode, decode, plains or frozenset({int}), frozenset({kind}))


def _is_found_by(value: Any) -> bool:
    """Whether a member can be sent as this value: it arrives as it is, equals itself, and is not None."""
    if type(value) is int:
        return LEAST_INT <= value <= MOST_INT
    return type(value) in ATOMS - {NoneType} and bool(value == value)  # nan does not


def literal_form(choices: tuple[Any, ...]) -> Form:
    """The form of a Literal: its values as they are, and members of enums as in their own form.

    A member that would look like another of the values is tagged with its enum's name, as in a union.
    """
    name = f"Literal[{', '.join(_shown(choice) for choice in choices)}]"
    values = {(type(choice), choice) for choice in choices if not isinstance(choice, Enum)}
    to_plain: dict[tuple[type, Any], Any] = {}
    from_plain: dict[tuple[Any, ...], Any] = {}
    for choice in choices:
        plain = enum_form(type(choice)).encode(choice) if isinstance(choice, Enum) else choice
        key: tuple[Any, ...] = type(plain), plain
        if isinstance(choice, Enum) and (key in values or key in from_plain):
            key = type(choice).__qualname__, *key
            plain = {TYPE: key[0], VALUE: plain}
        to_plain[type(choice), choice] = plain
        from_plain[key] = choice

    def encode(value: Any) -> Any:
        try:
            return to_plain[type(value), value]
        except (KeyError, TypeError):
            raise MismatchError(_unlike(name, value)) from None

    def decode(plain: Any) -> Any:
        try:
            if type(plain) is dict and plain.keys() == {TYPE, VALUE}:
                return from_plain[plain[TYPE], type(plain[VALUE]), plain[VALUE]]
            return from_plain[type(plain), plain]
        except (KeyError, TypeError):
            raise MismatchError(_unlike(name, plain)) from None

    kinds = frozenset(map(type, to_plain.values()))
    return Form(name, encode, decode, kinds, frozenset(map(type, choices)), NOTHING)


def _shown(choice: Any) -> str:
    return str(choice) if isinstance(choice, Enum) else repr(choice)


def _unlike(name: str, value: Any) -> str:
    try:
        refuse(name, value)
    except MismatchError as error:
        return error.reason
