"""The form of a union: the plain form of the value's member, tagged with the member's name if it is needed.

``UUID | None`` and ``int | str`` need no tag, as the plain value shows the member. In ``str | UUID`` a UUID would come
back as a str, so it is sent as ``{"$type": "UUID", "$value": "..."}``. Producers in other languages may omit the tag:
then the first member that accepts the plain value is used, and among classes with fields, one that has all the keys.
"""

from __future__ import annotations

import typing
from types import NoneType
from typing import Any, Final

from monarq.shared.conversion.form import TYPE, VALUE, Form
from monarq.shared.conversion.mismatch import MismatchError, describe, refuse
from monarq.shared.conversion.plain import PLAIN
from monarq.shared.conversion.tries import note_changes, tried, tried_changes
from monarq.shared.set_module import defining_module

_NONE: Final = frozenset({NoneType})
_TAG: Final = {TYPE, VALUE}


def union_form(members: list[Form], names: list[str]) -> Form:
    """The form of a union.

    Args:
        members: the forms of its members, in the order of the annotation.
        names: their distinct names in tags.
    """
    others = [member for member in members if member.types != _NONE]
    if len(members) == len(others) + 1 and len(others) == 1:
        return _optional(others[0])
    name = " | ".join(names)
    by_name = dict(zip(names, members, strict=True))
    kinds = frozenset[type]().union(*(member.kinds for member in members))
    lonely = [all(member.kinds.isdisjoint(o.kinds) for o in members if o is not member) for member in members]

    def tag(at: int, plain: Any) -> Any:
        needs_tag = type(plain) not in members[at].kinds or (type(plain) is dict and TYPE in plain)
        if not needs_tag and (lonely[at] or _read_first(members, plain)[0] == at):
            return plain
        return {TYPE: names[at], VALUE: plain}

    def encode(value: Any) -> Any:
        return tag(*_encode_first(name, members, value))

    def decode(plain: Any) -> Any:
        if _is_tagged(plain):
            member = by_name.get(plain[TYPE]) if type(plain[TYPE]) is str else None
            if member is not None:
                return member.decode(plain[VALUE])
        at, value = _read_first(members, plain)
        return refuse(name, plain) if at is None else value

    free = frozenset[type]().union(*(m.free for m, is_lonely in zip(members, lonely, strict=True) if is_lonely))
    types = frozenset[type]().union(*(member.types for member in members))
    return Form(name, encode, decode, kinds | {dict}, types, free, all(member.is_known for member in members))


def distinct_names(names: list[str], hints: tuple[Any, ...]) -> list[str]:
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
        name = f"{defining_module(kind)}.{name}"  # as every version names it: it is sent
    return name if origin is None else f"{name}[{', '.join(map(_with_module, args))}]"


def _optional(member: Form) -> Form:
    # A user's own class may also encode a value as None.
    may_be_none = NoneType in member.kinds and member is not PLAIN

    def encode(value: Any) -> Any:
        if value is None:
            return None
        plain = member.encode(value)
        needs_tag = may_be_none and (plain is None or (type(plain) is dict and TYPE in plain))
        return {TYPE: member.name, VALUE: plain} if needs_tag else plain

    def decode(plain: Any) -> Any:
        if plain is None:
            return None
        if may_be_none and _is_tagged(plain) and plain[TYPE] == member.name:
            plain = plain[VALUE]
        return member.decode(plain)

    return Form(
        f"{member.name} | None",
        encode,
        decode,
        member.kinds | _NONE,
        member.types | _NONE,
        member.free | _NONE,
        member.is_known,
    )


def _encode_first(name: str, members: list[Form], value: Any) -> tuple[int, Any]:
    """The first member that changes the fewest values in a value, such as an int to a float, and its plain form."""
    errors: dict[int, MismatchError] = {}
    found: list[tuple[int, int, Any]] = []
    for at in _order(members, type(value)):
        try:
            plain, changes = tried_changes(members[at].encode, value)
        except MismatchError as error:
            errors[at] = error
            continue
        found.append((changes, at, plain))
        if not changes:
            return at, plain
    if not found:
        own = [error for at, error in errors.items() if type(value) in members[at].types]
        # If the value is of exactly one of the types, that type's error says what is wrong.
        raise own[0] if len(own) == 1 else _mismatch(name, value)
    fewest = min(changes for changes, _, _ in found)
    best = [(at, plain) for changes, at, plain in found if changes == fewest]
    if any(repr(plain) != repr(best[0][1]) for _, plain in best[1:]):
        raise MismatchError(f"this may be more than one of {name}: pass a float where a float is meant, not an int")
    note_changes(fewest)
    return best[0]


def _is_tagged(plain: Any) -> bool:
    """Whether it is a tagged value."""
    return type(plain) is dict and plain.keys() == _TAG


def _mismatch(name: str, value: Any) -> MismatchError:
    return MismatchError(f"expected {name}, got {describe(value)}")


def _order(members: list[Form], kind: type) -> list[int]:
    """The members that accept a value of this type, exact matches first: an int is also accepted as a float."""
    exact = [at for at, member in enumerate(members) if kind in member.types]
    return exact + [at for at in range(len(members)) if at not in exact]


def _read_first(members: list[Form], plain: Any) -> tuple[int | None, Any]:
    """The first member that can decode an untagged plain value, and the decoded value; None if there is none."""
    kind = type(plain)
    if kind is dict and TYPE in plain:
        return None, None
    likely = [at for at, member in enumerate(members) if kind in member.kinds]
    if len(likely) > 1 and kind is dict:
        likely.sort(key=lambda at: _has_others(members[at], plain))
    elif len(likely) > 1 and plain is None:
        likely.sort(key=lambda at: members[at].types != _NONE)
    for at in likely + [at for at in range(len(members)) if at not in likely]:
        try:
            return at, tried(members[at].decode, plain)
        except MismatchError:
            continue
    return None, None


def _has_others(member: Form, plain: dict[Any, Any]) -> bool:
    """Whether a map has keys that are not fields of a member."""
    return member.keys is not None and not member.keys.issuperset(plain)
