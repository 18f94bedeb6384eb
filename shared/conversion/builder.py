"""The builder: makes the form of a type hint."""

from __future__ import annotations

import collections
import collections.abc
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final

from monarq.shared.conversion.advice import never_sent
from monarq.shared.conversion.choices import enum_form, literal_form
from monarq.shared.conversion.containers import dict_form, sequence_form, tuple_form
from monarq.shared.conversion.form import NOTHING, Form, limit_of
from monarq.shared.conversion.kinds import is_named_tuple, is_record
from monarq.shared.conversion.libraries import library_form
from monarq.shared.conversion.mismatch import MismatchError, refuse
from monarq.shared.conversion.plain import PLAIN
from monarq.shared.conversion.records import complete_record, named_tuple_form
from monarq.shared.conversion.registered import registered_form
from monarq.shared.conversion.scalars import SCALARS
from monarq.shared.conversion.unions import union_form
from monarq.shared.payloads.remote_error import arrives_unchanged

_ABC: Final = collections.abc
_Make = Callable[[Any], Any] | None

_SEQUENCES: Final[dict[Any, tuple[tuple[type, ...], _Make]]] = {
    list: ((list,), None),
    set: ((set,), set),
    frozenset: ((frozenset,), frozenset),
    collections.deque: ((collections.deque,), collections.deque),
    **dict.fromkeys((_ABC.Sequence, _ABC.Collection, _ABC.Iterable), ((list, tuple), None)),
    _ABC.MutableSequence: ((list,), None),
    _ABC.Set: ((set, frozenset), set),
    _ABC.MutableSet: ((set,), set),
}
"""For each type: the exact types that values may have, and the function that makes one from a list. Values of abstract
types come back as lists."""

_ABSTRACT_MODULES: Final = frozenset({"collections.abc", "numbers", "typing"})

_DICTS: Final = frozenset({dict, _ABC.Mapping, _ABC.MutableMapping})


class Builder:
    """Makes forms. The form of a recursive class is made once."""

    def __init__(self) -> None:
        self._records: dict[Any, Form] = {}

    def form(self, hint: Any) -> Form:
        """The form of a type hint.

        Raises:
            NameError: a class in it cannot be rebuilt.
        """
        if hint is None:
            hint = types.NoneType
        try:
            known = SCALARS.get(hint)
        except TypeError:  # an unhashable hint
            known = None
        if isinstance(hint, type) and (own := registered_form(hint)) is not None:
            return own
        if known is not None:
            return known
        origin = typing.get_origin(hint)
        if origin is not None:
            return self._generic(hint, origin, typing.get_args(hint))
        if isinstance(hint, type):
            return self._class(hint)
        if isinstance(hint, typing.TypeVar):
            limit = limit_of(hint)
            return PLAIN if limit is None else self.form(limit)
        # A NewType, or a `type` statement's alias.
        meant = getattr(hint, "__supertype__", None) or getattr(hint, "__value__", None)
        return PLAIN if meant is None else self.form(meant)

    def _generic(self, hint: Any, origin: Any, args: tuple[Any, ...]) -> Form:
        if origin is typing.Annotated:
            return self.form(args[0])
        if origin in (typing.Union, types.UnionType):
            members = [self.form(arg) for arg in args]
            return union_form(members, _distinct([member.name for member in members], args))
        if origin is typing.Literal:
            return literal_form(args)
        if origin is tuple:
            return self._tuple(args)
        if origin in _SEQUENCES or origin in _DICTS:
            return self._container(origin, args)
        if isinstance(origin, type) and (is_record(origin) or is_named_tuple(origin)):
            parameters = getattr(origin, "__parameters__", ())
            return self._record(hint, origin, dict(zip(parameters, args, strict=False)))
        # A `type` statement's alias with parameters.
        if (value := getattr(origin, "__value__", None)) is not None:
            return self.form(substitute(value, dict(zip(origin.__type_params__, args, strict=False))))
        return self._class(origin) if isinstance(origin, type) else PLAIN

    def _tuple(self, args: tuple[Any, ...]) -> Form:
        if len(args) == 2 and args[1] is ...:
            item = self.form(args[0])
            return sequence_form(f"tuple[{item.name}, ...]", item, (tuple,), tuple)
        items = tuple(self.form(arg) for arg in args)
        return tuple_form(f"tuple[{', '.join(item.name for item in items) or '()'}]", items)

    def _container(self, origin: Any, args: tuple[Any, ...]) -> Form:
        forms = [self.form(arg) for arg in args]
        name = origin.__name__ + (f"[{', '.join(form.name for form in forms)}]" if forms else "")
        if origin in _DICTS:
            return dict_form(name, *(forms or [PLAIN, PLAIN]))
        return sequence_form(name, forms[0] if forms else PLAIN, *_SEQUENCES[origin])

    def _class(self, kind: type) -> Form:
        if kind in _SEQUENCES or kind in _DICTS:
            return self._container(kind, ())
        if kind is tuple:
            return sequence_form("tuple", PLAIN, (tuple,), tuple)
        if issubclass(kind, Enum):
            return enum_form(kind)
        if is_record(kind) or is_named_tuple(kind):
            return self._record(kind, kind, {})
        if issubclass(kind, BaseException):
            return _instances(kind)
        return library_form(kind) or (PLAIN if _says_little(kind) else _unknown(kind))

    def _record(self, hint: Any, kind: type, arguments: Mapping[Any, Any]) -> Form:
        if (made := self._records.get(hint)) is not None:
            return made
        name = (
            kind.__qualname__ if hint is kind else f"{kind.__qualname__}[{', '.join(map(_shown, arguments.values()))}]"
        )
        form = Form(name, PLAIN.encode, PLAIN.decode, frozenset({dict}), frozenset({kind}))
        self._records[hint] = form
        try:
            hints = _hints_of(kind, arguments)
            if not is_named_tuple(kind):
                complete_record(form, kind, hints, self.form)
                return form
            made = named_tuple_form(kind, hints, self.form)
            form.encode, form.decode, form.kinds = made.encode, made.decode, made.kinds
        except BaseException:
            del self._records[hint]
            raise
        return form


def _distinct(names: list[str], hints: tuple[Any, ...]) -> list[str]:
    """Distinct names for the members of a union: the module, and then a number, is added where names are equal."""
    found = names
    if len(set(found)) < len(found):
        found = [_with_module(hint) if names.count(name) > 1 else name for name, hint in zip(names, hints, strict=True)]
    if len(set(found)) < len(found):
        found = [
            f"{name}#{found[:at].count(name) + 1}" if found.count(name) > 1 else name for at, name in enumerate(found)
        ]
    return found


def _with_module(hint: Any) -> str:
    """A type hint with the modules of its classes."""
    args = typing.get_args(hint)
    origin = typing.get_origin(hint)
    kind = origin or hint
    name = str(kind) if not isinstance(kind, type) else kind.__qualname__
    if isinstance(kind, type) and kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    return name if origin is None else f"{name}[{', '.join(map(_with_module, args))}]"


def substitute(hint: Any, arguments: Mapping[Any, Any]) -> Any:
    """A hint whose type parameters are replaced by their arguments, where they have one."""
    if isinstance(hint, typing.TypeVar):
        return arguments.get(hint, hint)
    parameters = getattr(hint, "__parameters__", ())
    if not parameters or isinstance(hint, type) or not arguments:
        return hint
    return hint[tuple(arguments.get(parameter, parameter) for parameter in parameters)]


def _hints_of(kind: type, arguments: Mapping[Any, Any]) -> dict[str, Any]:
    """The types of a class's fields, with the arguments for type parameters of the class and its bases filled in."""
    hints = typing.get_type_hints(kind)
    known = dict(arguments)
    for base in getattr(kind, "__orig_bases__", ()):
        origin = typing.get_origin(base)
        for parameter, argument in zip(getattr(origin, "__parameters__", ()), typing.get_args(base), strict=False):
            if not isinstance(argument, typing.TypeVar) or argument is not parameter:
                known.setdefault(parameter, substitute(argument, arguments))
    return {name: substitute(hint, known) for name, hint in hints.items()}


def _says_little(kind: type) -> bool:
    """Whether a class only stands for others, like a Protocol, an abstract class or `object`, so any value may fit."""
    is_abstract = bool(getattr(kind, "__abstractmethods__", None)) or kind.__module__ in _ABSTRACT_MODULES
    return kind is object or is_abstract or bool(getattr(kind, "_is_protocol", False))


def _instances(kind: type) -> Form:
    """The form of exceptions, which the codec writes like the exceptions that jobs raise."""

    def check(value: Any) -> Any:
        return value if isinstance(value, kind) else refuse(kind.__qualname__, value)

    def encode(value: Any) -> Any:
        if not arrives_unchanged(check(value)):
            name = type(value).__qualname__
            raise MismatchError(
                f"this {name} would arrive as a JobFailedError: give it attributes and arguments that are plain and not"
                " large, and declare its class at the top of a module"
            )
        return value

    return Form(kind.__qualname__, encode, check, frozenset({kind}), frozenset({kind}))


def _unknown(kind: type) -> Form:
    """The form of a class whose values cannot be sent."""
    name = kind.__qualname__
    advice = f"values of {name} cannot be sent unless you call monarq.register_type({name}, encode=..., decode=...)"

    def never(value: Any) -> Any:
        if isinstance(value, kind):
            raise MismatchError(never_sent(value) or advice)
        refuse(name, value, advice)

    return Form(name, never, never, NOTHING, frozenset({kind}), is_known=False)


def _shown(hint: Any) -> str:
    return str(getattr(hint, "__qualname__", hint))
