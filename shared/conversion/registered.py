"""``register_type``: how a class of the user's own travels."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any, Final, TypeVar

from monarq.shared.conversion.form import PLAIN_KINDS, Form
from monarq.shared.conversion.mismatch import MismatchError, refuse
from monarq.shared.conversion.plain import check_plain
from monarq.shared.errors import DeclarationError
from monarq.shared.text.error_text import error_text

T = TypeVar("T")

_REGISTERED: Final[dict[type, Form]] = {}


def register_type(cls: type[T], *, encode: Callable[[T], Any], decode: Callable[[Any], T]) -> None:
    """Registers how values of a class travel, where an argument or a result is annotated with it, at any depth.

    Call it in a module that producers and workers import, before the first job that has the class is enqueued or run.
    A class that is registered again gets the newer functions; one that travels without it, such as a dataclass, gets
    these instead.

    Args:
        cls: the class; values of a subclass are refused, unless it is registered too.
        encode: turns an instance into a plain value: None, a bool, a number, text, bytes, lists and dicts of these.
        decode: makes an instance of that plain value; whatever it raises fails the job.

    Raises:
        DeclarationError: it is not a class, or one of them is not a function.
    """
    if not isinstance(cls, type) or typing.get_origin(cls) is not None:
        raise DeclarationError(f"register_type takes a class, not {cls!r}")
    if not callable(encode) or not callable(decode):
        raise DeclarationError(f"register_type of {cls.__qualname__}: encode= and decode= are functions")
    _REGISTERED[cls] = _form_of(cls, encode, decode)


def registered_form(kind: type) -> Form | None:
    """The form of a class that was registered; None for others."""
    return _REGISTERED.get(kind)


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
