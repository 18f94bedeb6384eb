"""``register_type``: how values of a user's own class are sent."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any, TypeVar

from monarq.shared.conversion.form import PLAIN_KINDS, REGISTERED, Form
from monarq.shared.conversion.mismatch import MismatchError, refuse
from monarq.shared.conversion.plain import check_plain
from monarq.shared.errors import DeclarationError
from monarq.shared.text.error_text import error_text

T = TypeVar("T")


def register_type(cls: type[T], *, encode: Callable[[T], Any], decode: Callable[[Any], T]) -> None:
    """Registers how values of a class are sent in arguments and results that are annotated with it, at any depth.

    Call it in a module that both producers and workers import, before the first job that uses the class is enqueued or
    run. Registering a class again replaces its functions. A class that can be sent without this, such as a dataclass,
    then uses these functions instead.

    Args:
        cls: the class. Values of a subclass are refused unless it is registered too.
        encode: converts an instance to a plain value: None, a bool, a number, text, bytes, or lists and dicts of these.
        decode: makes an instance from that plain value. An exception in it makes the job fail.

    Raises:
        DeclarationError: `cls` is not a class, or `encode` or `decode` is not a function.
    """
    if not isinstance(cls, type) or typing.get_origin(cls) is not None:
        raise DeclarationError(f"register_type takes a class, not {cls!r}")
    if not callable(encode) or not callable(decode):
        raise DeclarationError(f"register_type of {cls.__qualname__}: encode= and decode= must be functions")
    REGISTERED[cls] = _form_of(cls, encode, decode)


def registered_form(kind: type) -> Form | None:
    """The form of a registered class; None for others."""
    return REGISTERED.get(kind)


def _form_of(kind: type, encode: Callable[[Any], Any], decode: Callable[[Any], Any]) -> Form:
    name = kind.__qualname__

    def encode_checked(value: Any) -> Any:
        if type(value) is not kind:
            refuse(name, value)
        try:
            plain = encode(value)
        except Exception as error:
            raise MismatchError(f"encode= of {name} raised {error_text(error)}") from error
        try:
            return check_plain(plain)
        except MismatchError as error:
            raise MismatchError(f"encode= of {name} must return a plain value: {error}") from None

    def decode_checked(plain: Any) -> Any:
        try:
            return decode(plain)
        except Exception as error:
            raise MismatchError(f"decode= of {name} raised {error_text(error)}") from error

    return Form(name, encode_checked, decode_checked, PLAIN_KINDS, frozenset({kind}))
