"""Forms of classes with named fields: dataclasses, attrs, msgspec structs, TypedDicts, NamedTuples."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from monarq.shared.conversion.constructors import may_change
from monarq.shared.conversion.containers import tuple_form
from monarq.shared.conversion.form import LEAST_INT, MOST_INT, Form
from monarq.shared.conversion.kinds import is_qualifier, is_typed_dict
from monarq.shared.conversion.mismatch import MismatchError, derived_advice, describe, refuse
from monarq.shared.conversion.sameness import check_same
from monarq.shared.text.error_text import error_text

FormOf = Callable[[Any], Form]
_DICT = frozenset({dict})


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record.

    Attributes:
        name: the attribute.
        key: its key in the plain map.
        argument: its name in the class's constructor.
        form: the form of its values.
        is_required: whether it has no default.
    """

    name: str
    key: str
    argument: str
    form: Form
    is_required: bool


def complete_record(form: Form, kind: type, hints: Mapping[str, Any], form_of: FormOf) -> None:
    """Fills in the form of a class with fields, to which its own fields may refer.

    Args:
        form: the form to fill in.
        kind: a class for which `monarq.shared.conversion.kinds.is_record` is true.
        hints: the types of its fields, by name.
        form_of: makes the form of a type.

    Raises:
        NameError: an instance cannot be rebuilt from its fields.
    """
    if is_typed_dict(kind):
        _complete_typed_dict(form, kind, hints, form_of)
        return
    fields = tuple(_fields(kind, hints, form_of))
    required = frozenset(field.key for field in fields if field.is_required)
    has_init_var = any(map(_is_init_var, getattr(kind, "__dataclass_fields__", {}).values()))
    is_checked = has_init_var or may_change(kind, [field.name for field in fields])

    encode_fields = _encoder_of(form.name, kind, fields)

    def encode_checked(value: Any) -> dict[str, Any]:
        plain = encode_fields(value)
        check_same(form.name, value, plain, decode, with_derived=has_init_var)
        return plain

    def decode(plain: Any) -> Any:
        if type(plain) is not dict:
            refuse(f"{form.name} as a map", plain)
        if not required <= plain.keys():  # checked before any value, as a union may try many classes
            missing = next(field.key for field in fields if field.key in required and field.key not in plain)
            raise MismatchError(f"expected {form.name}, but its field {missing!r} is missing")
        arguments = {}
        for field in fields:
            if field.key in plain:
                arguments[field.argument] = _convert_field(field, field.form.decode, plain[field.key])
        return make(form.name, kind, arguments)

    form.encode, form.decode = encode_checked if is_checked else encode_fields, decode
    form.keys = frozenset(field.key for field in fields)


def named_tuple_form(kind: Any, hints: Mapping[str, Any], form_of: FormOf) -> Form:
    """The form of a NamedTuple, which is sent as a list."""
    items = tuple(form_of(hints.get(name, Any)) for name in kind._fields)
    form = tuple_form(kind.__qualname__, items, kind, len(items) - len(kind._field_defaults))
    if may_change(kind, kind._fields):
        encode_items, decode = form.encode, form.decode

        def encode(value: Any) -> Any:
            plain = encode_items(value)
            check_same(form.name, value, plain, decode)
            return plain

        form.encode = encode
    return form


def make(name: str, kind: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """An instance, made by the class's own constructor; an exception in it becomes a MismatchError."""
    try:
        return kind(**arguments)
    except Exception as error:
        raise MismatchError(f"the constructor of {name} refused its fields: {error_text(error)}") from error


def _complete_typed_dict(form: Form, kind: Any, hints: Mapping[str, Any], form_of: FormOf) -> None:
    forms = {name: form_of(hint) for name, hint in hints.items()}
    required = _required_keys(kind)

    def convert(value: Any, way: str, *, is_value: bool) -> dict[str, Any]:
        if type(value) is not dict:
            refuse(f"{form.name}, which is a dict", value)
        if missing := required.difference(value):
            raise MismatchError(f"expected {form.name}, but its key {min(missing)!r} is missing")
        if is_value and (unknown := next((key for key in value if key not in forms), None)) is not None:
            raise MismatchError(f"expected {form.name}, which does not have the key {unknown!r}")
        done = {}
        for name, own in forms.items():
            if name in value:
                try:
                    done[name] = getattr(own, way)(value[name])
                except MismatchError as error:
                    raise error.inside(f"[{name!r}]") from error.__cause__
        return done

    form.encode = lambda value: convert(value, "encode", is_value=True)
    form.decode = lambda plain: convert(plain, "decode", is_value=False)
    form.types = _DICT
    form.keys = frozenset(forms)


def _required_keys(kind: Any) -> frozenset[str]:
    """The required keys of a TypedDict, also if its annotations are text, which Python does not inspect."""
    required = set(kind.__required_keys__)
    for name, hint in typing.get_type_hints(kind, include_extras=True).items():
        while (origin := typing.get_origin(hint)) is not None:
            if origin in (typing.Required, typing.NotRequired):
                (required.add if origin is typing.Required else required.discard)(name)
                break
            if origin is not typing.Annotated and not is_qualifier(origin):
                break
            hint = typing.get_args(hint)[0]  # noqa: PLW2901 - what is annotated may be NotRequired
    return frozenset(required)


def _fields(kind: Any, hints: Mapping[str, Any], form_of: FormOf) -> Iterator[Field]:
    if issubclass(kind, msgspec.Struct):
        for own in msgspec.structs.fields(kind):
            hint = hints.get(own.name, own.type)
            yield Field(own.name, own.encode_name, own.name, form_of(hint), own.required)
    elif isinstance(kind, type) and dataclasses.is_dataclass(kind):
        fields = kind.__dataclass_fields__.values()
        if any(_is_init_var(own) and _has_no_default(own) for own in fields):
            raise NameError(f"{kind.__qualname__} has an InitVar, which its instances do not store")
        for field in dataclasses.fields(kind):
            if field.init:
                yield Field(field.name, field.name, field.name, form_of(hints[field.name]), _has_no_default(field))
    else:
        for attribute in kind.__attrs_attrs__:
            if attribute.init:
                required = repr(attribute.default) == "NOTHING"
                form = form_of(hints.get(attribute.name, Any))
                yield Field(attribute.name, attribute.name, attribute.alias, form, required)


def _is_init_var(field: dataclasses.Field[Any]) -> bool:
    return getattr(field, "_field_type", None) is getattr(dataclasses, "_FIELD_INITVAR", dataclasses)


def _has_no_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _encoder_of(shown: str, kind: type, fields: Iterable[Field]) -> Callable[[Any], dict[str, Any]]:
    """Makes the map of an instance's fields. It calls as little as it can, because every result passes through it."""
    forms = tuple((field.name, field.key, field.form) for field in fields)

    def encode(value: Any) -> dict[str, Any]:
        if type(value) is not kind:
            refuse(shown, value, derived_advice(value, kind))
        plain = {}
        for name, key, form in forms:
            try:
                item = getattr(value, name)
            except Exception as error:
                raise MismatchError(f"{describe(value)} has no {name}: {error_text(error)}") from error
            if type(item) in form.free and (type(item) is not int or LEAST_INT <= item <= MOST_INT):
                plain[key] = item
                continue
            try:
                plain[key] = form.encode(item)
            except MismatchError as error:
                raise error.inside(f".{name}") from error.__cause__
        return plain

    return encode


def _convert_field(field: Field, convert: Callable[[Any], Any], value: Any) -> Any:
    try:
        return convert(value)
    except MismatchError as error:
        raise error.inside(f".{field.name}") from error.__cause__
