"""Checks for formats that carry the values themselves, such as pickle: nothing is converted, but types must match."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from typing import Any

from monarq.shared.conversion.form import NOTHING, Form, convert_each, limit_of
from monarq.shared.conversion.kinds import is_typed_dict
from monarq.shared.conversion.mismatch import MismatchError, refuse
from monarq.shared.conversion.parameters import UNIONS, flat_items, meant_by


class CarriedBuilder:
    """Makes forms whose `encode` and `decode` return the value itself, or raise if it is not of the type."""

    def form(self, hint: Any) -> Form:
        """The form of a type hint."""

        def check(value: Any) -> Any:
            _check(value, hint)
            return value

        return Form(_shown(hint), check, check, NOTHING, NOTHING)


def _check(value: Any, hint: Any) -> None:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        _check(value, args[0])
    elif origin in UNIONS:
        if not any(_fits(value, arg) for arg in args):
            refuse(_shown(hint), value)
    elif origin is typing.Literal:
        if not any(value == choice and type(value) is type(choice) for choice in args):
            refuse(_shown(hint), value)
    elif isinstance(origin, type):
        _check_class(value, origin, hint)
        _check_items(value, origin, args)
    elif isinstance(hint, type):
        _check_class(value, hint, hint)
    elif hint is None:
        _check_class(value, types.NoneType, hint)
    elif (meant := limit_of(hint) if isinstance(hint, typing.TypeVar) else meant_by(hint)) is not None:
        _check(value, meant)


def _fits(value: Any, hint: Any) -> bool:
    try:
        _check(value, hint)
    except MismatchError:
        return False
    return True


def _check_class(value: Any, kind: type, hint: Any) -> None:
    if is_typed_dict(kind):
        kind = dict
    if kind is float and isinstance(value, int):
        return
    try:
        is_instance = isinstance(value, kind)
    except TypeError:  # a Protocol that is not @runtime_checkable
        return
    if not is_instance:
        refuse(_shown(hint), value)


def _check_items(value: Any, origin: type, args: tuple[Any, ...]) -> None:
    """Checks the items of a container, as far as its type says."""
    if isinstance(value, Mapping) and len(args) == 2:
        convert_each(lambda key: _check(key, args[0]), value)
        convert_each(lambda item: _check(item, args[1]), value.values())
    elif origin is tuple and args:
        _check_tuple(value, flat_items(args))
    elif isinstance(value, (list, tuple, set, frozenset)) and args:
        convert_each(lambda item: _check(item, args[0]), value)


def _check_tuple(value: Any, args: tuple[Any, ...]) -> None:
    if ... in args:
        at = args.index(...) - 1
        count = len(value) - (len(args) - 2)
        args = (*args[:at], *(args[at],) * count, *args[at + 2 :])
    if len(value) != len(args):
        raise MismatchError(f"expected a tuple of {len(args)}, got one of {len(value)}")
    convert_each(lambda pair: _check(*pair), zip(value, args, strict=True))


def _shown(hint: Any) -> str:
    return hint.__qualname__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)
