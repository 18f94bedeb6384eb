"""Forms of containers: lists, tuples, sets, dicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from monarq.shared.conversion.form import Form, are_free, convert_each
from monarq.shared.conversion.mismatch import MismatchError, refuse
from monarq.shared.conversion.plain import PLAIN
from monarq.shared.conversion.tries import note_changes
from monarq.shared.text.error_text import error_text

_LIST = frozenset({list})
_DICT = frozenset({dict})
_NO_KEYS = _LIST | _DICT


def sequence_form(
    name: str, item: Form, accepted: tuple[type, ...], make: Callable[[Iterable[Any]], Any] | None = None
) -> Form:
    """The form of a list, set, frozenset, deque or tuple of any length.

    Args:
        name: the type.
        item: the form of its items.
        accepted: the exact types of its values.
        make: makes a value from a list; None if the list is the value.
    """
    types = frozenset(accepted)
    made = list if make is None else make

    def encode(value: Any) -> list[Any]:
        if type(value) not in types:
            refuse(name, value)
        if type(value) is not made:
            note_changes()
        if are_free(value, item.free):
            return value if type(value) is list else list(value)
        return convert_each(item.encode, value)

    def decode(plain: Any) -> Any:
        if type(plain) is not list:
            refuse(f"{name} as a list", plain)
        done = plain if item.free.issuperset(map(type, plain)) else convert_each(item.decode, plain)
        if make is None:
            return done
        try:
            return make(done)
        except TypeError as error:  # a set of unhashable items
            raise MismatchError(f"expected {name}, and {error}") from error

    return Form(name, encode, decode, _LIST, types, is_known=item.is_known)


def tuple_form(name: str, items: tuple[Form, ...], kind: Any = tuple, least: int | None = None) -> Form:
    """The form of a tuple of fixed length, or of a NamedTuple.

    Args:
        name: the type.
        items: the forms of its items, in order.
        kind: its type.
        least: how many items it needs, as the rest have defaults. Default: all.
    """
    free = tuple(item.free for item in items)
    least = len(items) if least is None else least

    def encode(value: Any) -> list[Any]:
        if type(value) is not kind:
            refuse(name, value)
        if len(value) != len(items):
            raise MismatchError(f"expected {name}, got a tuple of {len(value)}")
        return [_convert_at(at, form.encode, part) for at, (form, part) in enumerate(zip(items, value, strict=True))]

    def decode(plain: Any) -> Any:
        if type(plain) is not list:
            refuse(f"{name} as a list", plain)
        if not least <= len(plain) <= len(items):
            raise MismatchError(f"expected {name} as a list, got a list of {len(plain)}")
        parts = [
            part if type(part) in own else _convert_at(at, form.decode, part)
            for at, (form, part, own) in enumerate(zip(items, plain, free, strict=False))
        ]
        if kind is tuple:
            return tuple(parts)
        try:
            return kind(*parts)
        except Exception as error:  # of a `__new__` of its own
            raise MismatchError(f"the constructor of {name} refused its fields: {error_text(error)}") from error

    return Form(name, encode, decode, _LIST, frozenset({kind}), is_known=all(item.is_known for item in items))


def open_tuple_form(before: tuple[Form, ...], item: Form, after: tuple[Form, ...]) -> Form:
    """The form of a tuple with any number of items of one type between others: ``tuple[int, *tuple[str, ...]]``."""
    names = [form.name for form in before], [form.name for form in after]
    name = f"tuple[{', '.join([*names[0], f'*tuple[{item.name}, ...]', *names[1]])}]"
    fixed = len(before) + len(after)

    def convert(value: Any, way: str) -> list[Any]:
        if len(value) < fixed:
            raise MismatchError(f"expected {name}, got only {len(value)} items")
        forms = (*before, *(item,) * (len(value) - fixed), *after)
        pairs = zip(forms, value, strict=True)
        return [_convert_at(at, getattr(form, way), part) for at, (form, part) in enumerate(pairs)]

    def encode(value: Any) -> list[Any]:
        return convert(value if type(value) is tuple else refuse(name, value), "encode")

    def decode(plain: Any) -> tuple[Any, ...]:
        return tuple(convert(plain if type(plain) is list else refuse(f"{name} as a list", plain), "decode"))

    known = all(form.is_known for form in (*before, item, *after))
    return Form(name, encode, decode, _LIST, frozenset({tuple}), is_known=known)


def dict_form(name: str, key: Form, item: Form) -> Form:
    """The form of a dict: a map, or a list of pairs if its plain keys are maps or lists.

    If only some keys may be, as with ``int | tuple[int, int]``, it is a map unless one of the keys is.
    """
    may_be_pairs = bool(key.kinds & {list, dict}) and key is not PLAIN
    in_pairs = may_be_pairs and not key.free

    def encode(value: Any) -> Any:
        if type(value) is not dict:
            refuse(name, value)
        keys: Any = value if are_free(value, key.free) else convert_each(_keys(key.encode), value)
        items = value.values()
        if keys is value and are_free(items, item.free):
            return value
        encoded = [_convert_at(at, item.encode, one) for at, one in value.items()]
        pairs = zip(keys, encoded, strict=True)
        as_pairs = in_pairs or (may_be_pairs and any(type(one) in _NO_KEYS for one in keys))
        return [list(pair) for pair in pairs] if as_pairs else dict(pairs)

    decode_pairs = _decode_pairs(name, key, item)

    def decode(plain: Any) -> Any:
        if may_be_pairs and type(plain) is list:
            return decode_pairs(plain)
        if type(plain) is not dict:
            refuse(f"{name} as a map", plain)
        if key.free.issuperset(map(type, plain)) and item.free.issuperset(map(type, plain.values())):
            return plain
        keys = convert_each(_keys(key.decode), plain)
        try:
            return dict(zip(keys, [_convert_at(at, item.decode, one) for at, one in plain.items()], strict=True))
        except TypeError as error:  # an unhashable key
            raise MismatchError(f"expected {name}, and {error}") from error

    kinds = _LIST if in_pairs else _NO_KEYS if may_be_pairs else _DICT
    known = key.is_known and item.is_known
    return Form(name, encode, decode_pairs if in_pairs else decode, kinds, _DICT, is_known=known)


def _decode_pairs(name: str, key: Form, item: Form) -> Callable[[Any], Any]:
    def decode(plain: Any) -> Any:
        if type(plain) is not list or not all(type(pair) is list and len(pair) == 2 for pair in plain):
            refuse(f"{name} as a list of pairs", plain)
        keys = convert_each(_keys(key.decode), (pair[0] for pair in plain))
        try:
            return dict(zip(keys, convert_each(item.decode, (pair[1] for pair in plain)), strict=True))
        except TypeError as error:
            raise MismatchError(f"expected {name}, and {error}") from error

    return decode


def _keys(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def convert_key(key: Any) -> Any:
        try:
            return convert(key)
        except MismatchError as error:
            error.path = f" as key{error.path}"
            raise

    return convert_key


def _convert_at(at: Any, convert: Callable[[Any], Any], value: Any) -> Any:
    try:
        return convert(value)
    except MismatchError as error:
        raise error.inside(f"[{at!r}]") from error.__cause__
