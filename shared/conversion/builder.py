"""The builder: makes the form of a type hint."""

from __future__ import annotations

import collections
import collections.abc
import types
import typing
from collections.abc import Callable
from enum import Enum
from typing import Any, Final

from monarq.shared.conversion.advice import never_sent
from monarq.shared.conversion.choices import enum_form, literal_form
from monarq.shared.conversion.containers import dict_form, open_tuple_form, sequence_form, tuple_form
from monarq.shared.conversion.form import NOTHING, PLAIN_KINDS, Form, limit_of
from monarq.shared.conversion.kinds import is_named_tuple, is_qualifier, is_record
from monarq.shared.conversion.libraries import library_form
from monarq.shared.conversion.mismatch import MismatchError, refuse
from monarq.shared.conversion.parameters import UNIONS, bind, flat_items, hints_of_fields, is_inside_itself, meant_by
from monarq.shared.conversion.plain import PLAIN
from monarq.shared.conversion.records import complete_record, named_tuple_form
from monarq.shared.conversion.registered import registered_form
from monarq.shared.conversion.scalars import SCALARS
from monarq.shared.conversion.unions import distinct_names, union_form
from monarq.shared.errors import DeclarationError
from monarq.shared.payloads.remote_error import arrives_unchanged
from monarq.shared.stand_ins import real_class

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
    """Makes forms. The form of a recursive class or alias is made once."""

    def __init__(self) -> None:
        self._records: dict[Any, Form] = {}
        self._aliases: dict[Any, Form] = {}
        self._classes: list[Any] = []

    def form(self, hint: Any) -> Form:
        """The form of a type hint.

        Raises:
            NameError: a class in it cannot be rebuilt.
            DeclarationError: it contains itself without end.
        """
        try:
            return self._form(hint)
        except RecursionError:
            raise DeclarationError(
                f"{_shown(hint)} is nested too deeply, or contains itself without end, each time with other type"
                " arguments: give it the same arguments where it contains itself"
            ) from None

    def _form(self, hint: Any) -> Form:
        hint = types.NoneType if hint is None else real_class(hint)
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
            return PLAIN if limit is None else self._form(limit)
        if hint is typing.Self and self._classes:
            return self._form(self._classes[-1])
        return self._alias(hint)

    def _generic(self, hint: Any, origin: Any, args: tuple[Any, ...]) -> Form:
        if origin is typing.Annotated or is_qualifier(origin):
            return self._form(args[0])
        if origin in UNIONS:
            members = [self._form(arg) for arg in args]
            return union_form(members, distinct_names([member.name for member in members], args))
        if origin is typing.Literal:
            return literal_form(args)
        if origin is tuple:
            return self._tuple(args)
        if origin in _SEQUENCES or origin in _DICTS:
            return self._container(origin, args)
        if isinstance(origin, type):
            is_named = is_record(origin) or is_named_tuple(origin)
            return self._record(hint, origin, args) if is_named else self._class(origin)
        return self._alias(hint)

    def _alias(self, hint: Any) -> Form:
        """The form of a NewType or of a `type` statement's alias, which may contain itself."""
        meant = meant_by(hint)
        if meant is None:
            return PLAIN
        if (made := self._aliases.get(hint)) is not None:
            return made
        if is_inside_itself(hint, meant):
            raise DeclarationError(
                f"{_shown(hint)} stands for itself: an alias may contain itself in a list or dict only"
            )
        # Until it is made, it may be anything.
        form = self._aliases[hint] = Form(_shown(hint), PLAIN.encode, PLAIN.decode, PLAIN_KINDS, NOTHING)
        try:
            made = self._form(meant)
        except BaseException:
            self._aliases.clear()
            raise
        form.encode, form.decode, form.is_known = made.encode, made.decode, made.is_known
        form.kinds, form.types, form.free, form.keys = made.kinds, made.types, made.free, made.keys
        self._aliases[hint] = made
        return made

    def _tuple(self, args: tuple[Any, ...]) -> Form:
        if len(args) == 2 and args[1] is ...:
            item = self._form(args[0])
            return sequence_form(f"tuple[{item.name}, ...]", item, (tuple,), tuple)
        args = flat_items(args)
        if ... in args:  # tuple[int, *tuple[str, ...]]
            at = args.index(...) - 1
            before, after = (tuple(map(self._form, part)) for part in (args[:at], args[at + 2 :]))
            return open_tuple_form(before, self._form(args[at]), after)
        items = tuple(self._form(arg) for arg in args)
        return tuple_form(f"tuple[{', '.join(item.name for item in items) or '()'}]", items)

    def _container(self, origin: Any, args: tuple[Any, ...]) -> Form:
        forms = [self._form(arg) for arg in args]
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
            return self._record(kind, kind, ())
        if issubclass(kind, BaseException):
            return _instances(kind)
        return library_form(kind) or (PLAIN if _says_little(kind) else _unknown(kind))

    def _record(self, hint: Any, kind: type, args: tuple[Any, ...]) -> Form:
        if (made := self._records.get(hint)) is not None:
            return made
        name = kind.__qualname__ if hint is kind else f"{kind.__qualname__}[{', '.join(map(_shown, args))}]"
        form = Form(name, PLAIN.encode, PLAIN.decode, frozenset({dict}), frozenset({kind}))
        self._records[hint] = form
        self._classes.append(hint)
        try:
            hints = hints_of_fields(kind, bind(getattr(kind, "__parameters__", ()), args))
            if not is_named_tuple(kind):
                complete_record(form, kind, hints, self._form)
                return form
            made = named_tuple_form(kind, hints, self._form)
            form.encode, form.decode, form.kinds = made.encode, made.decode, made.kinds
        except BaseException:
            del self._records[hint]
            raise
        finally:
            self._classes.pop()
        return form


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
