"""Forms of types with a fixed set of values: enums and Literals."""

from __future__ import annotations

from enum import Enum, Flag
from types import NoneType
from typing import Any

from monarq.shared.conversion.form import ATOMS, NOTHING, Form
from monarq.shared.conversion.mismatch import MismatchError, refuse


def enum_form(kind: type[Enum]) -> Form:
    """The form of an enum. A member is sent as its value if all values are numbers or text, else as its name."""
    # A value of None would come back as None from `| None`.
    by_value = issubclass(kind, Flag) or all(type(member.value) in ATOMS - {NoneType} for member in kind)
    name = kind.__qualname__

    def encode(value: Any) -> Any:
        if type(value) is not kind:
            refuse(name, value)
        return value.value if by_value else value.name

    def decode(plain: Any) -> Any:
        try:
            member = kind(plain) if by_value else kind[plain]
        except (KeyError, ValueError, TypeError):
            refuse(name, plain)
        # 1, 1.0 and True are equal, but only one of them is the member's value.
        return member if not by_value or type(member.value) is type(plain) else refuse(name, plain)

    plains = frozenset(type(member.value) for member in kind) if by_value else frozenset({str})
    return Form(name, encode, decode, plains or frozenset({int}), frozenset({kind}))


def literal_form(choices: tuple[Any, ...]) -> Form:
    """The form of a Literal: its values as they are, and members of enums as in their own form."""
    name = f"Literal[{', '.join(_shown(choice) for choice in choices)}]"
    to_plain: dict[tuple[type, Any], Any] = {}
    for choice in choices:
        is_member = isinstance(choice, Enum)
        plain = enum_form(type(choice)).encode(choice) if is_member else choice
        to_plain[type(choice), choice] = plain
    from_plain = {(type(plain), plain): choice for (_, choice), plain in to_plain.items()}

    def encode(value: Any) -> Any:
        try:
            return to_plain[type(value), value]
        except (KeyError, TypeError):
            raise MismatchError(_unlike(name, value)) from None

    def decode(plain: Any) -> Any:
        try:
            return from_plain[type(plain), plain]
        except (KeyError, TypeError):
            raise MismatchError(_unlike(name, plain)) from None

    kinds = frozenset(kind for kind, _ in from_plain)
    return Form(name, encode, decode, kinds, frozenset(map(type, choices)), NOTHING)


def _shown(choice: Any) -> str:
    return str(choice) if isinstance(choice, Enum) else repr(choice)


def _unlike(name: str, value: Any) -> str:
    try:
        refuse(name, value)
    except MismatchError as error:
        return error.reason
