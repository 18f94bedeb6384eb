"""Argument conversion: a job's decoded arguments become the types that its annotations name.

msgpack has numbers, text, bytes, times, lists and dicts. Anything else that a producer passes, such as a UUID, a
Decimal, an enum, a set, a tuple or a dataclass, travels as the nearest of these, and is converted back here by the
annotation of its parameter. Parameters without annotation, or with a plain type, get the decoded value.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from monarq.shared.calls.parameters import Arguments, positional_parameters, reached_parameters
from monarq.shared.calls.signature import CallSignature
from monarq.shared.calls.type_hints import Unresolved, mentions_not_imported, resolve_hint
from monarq.shared.errors import DeclarationError, PayloadError

_PLAIN: Final = frozenset({int, float, str, bytes, bool, list, dict, object, type(None), Any, inspect.Parameter.empty})

Parameters = Sequence[inspect.Parameter]


class ArgumentConverter:
    """Converts the arguments of one function.

    Args:
        signature: what the job takes.
        kinds: the types of the parameters that need conversion, by name.
    """

    def __init__(self, name: str, signature: CallSignature, kinds: Mapping[str, Any]) -> None:
        self._name = name
        self._parameters = signature.described
        self._unsendable = unsendable_parameters(signature.described, signature.owner) if signature.is_wrapped else None
        self._kinds = kinds
        self._positional = [kinds.get(parameter.name) for parameter in positional_parameters(signature.described)]
        self._rest = _kind_of_rest(signature.described, inspect.Parameter.VAR_POSITIONAL, kinds)
        self._named = _named_kinds(signature.described, kinds)
        self._others = _kind_of_rest(signature.described, inspect.Parameter.VAR_KEYWORD, kinds)

    def convert(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """The arguments, each of the type that its annotation names.

        Raises:
            PayloadError: one of them cannot be converted.
        """
        positional = self._positional
        if self._unsendable is not None:
            targets = reached_parameters(self._parameters, self._unsendable, len(args), kwargs)
            positional = [self._kinds.get(parameter.name) for parameter in targets]
        kinds = positional + [self._rest] * (len(args) - len(positional))
        converted = tuple(
            self._convert_one(at, value, kind) for at, (value, kind) in enumerate(zip(args, kinds, strict=False))
        )
        named, others = self._named, self._others
        return converted, {
            name: self._convert_one(name, value, named.get(name, others)) for name, value in kwargs.items()
        }

    def _convert_one(self, which: int | str, value: Any, kind: Any) -> Any:
        if kind is None:
            return value
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            shown = f"argument {which + 1}" if isinstance(which, int) else f"argument {which!r}"
            raise PayloadError(f"{shown} of {self._name} is not what its annotation says: {error}") from None


def make_converter(name: str, signature: CallSignature) -> ArgumentConverter | None:
    """The converter for a job's arguments, or None where its annotations name plain types only.

    Args:
        name: the job's name.
        signature: what it takes.

    Raises:
        DeclarationError: an argument could not be converted.
    """
    kinds: dict[str, Any] = {}
    for parameter in signature.described:
        hint = _hint_of(parameter, signature.owner)
        try:
            if not _is_plain(hint) and _is_known(hint):
                kinds[parameter.name] = hint
        except NameError as error:
            raise DeclarationError(
                f"argument {parameter.name!r} of {name} cannot be made again as {hint!r}, because {error}: import that"
                " where the class is defined, not for type checkers only"
            ) from error
    return ArgumentConverter(name, signature, kinds) if kinds else None


def unsendable_parameters(parameters: Parameters, function: Callable[..., Any] | None) -> frozenset[str]:
    """The names of the parameters whose annotation is a class that no producer can send an instance of."""
    return frozenset(parameter.name for parameter in parameters if _is_unsendable(_hint_of(parameter, function)))


def _hint_of(parameter: inspect.Parameter, function: Callable[..., Any] | None) -> Any:
    return Any if function is None else resolve_hint(parameter.annotation, function)


def _kind_of_rest(parameters: Parameters, rest: object, kinds: Mapping[str, Any]) -> Any:
    """The type of the arguments that ``*args``, or ``**kwargs``, takes."""
    return next((kinds.get(parameter.name) for parameter in parameters if parameter.kind is rest), None)


def _named_kinds(parameters: Parameters, kinds: Mapping[str, Any]) -> dict[str, Any]:
    by_keyword = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {parameter.name: kinds.get(parameter.name) for parameter in parameters if parameter.kind in by_keyword}


def _is_unsendable(hint: Any) -> bool:
    try:
        return not _is_plain(hint) and not _is_known(hint)
    except NameError:
        return False


def _is_plain(kind: Any) -> bool:
    """Whether a decoded value needs no conversion."""
    origin = typing.get_origin(kind)
    if origin in (list, dict, typing.Union, type(int | str)):
        return all(_is_plain(part) for part in typing.get_args(kind))
    try:
        return kind in _PLAIN
    except TypeError:
        return False


def _is_known(kind: Any) -> bool:
    """Whether msgspec can convert to it; a parameter of a class that it does not know gets the decoded value."""
    if kind is Unresolved or mentions_not_imported(kind):
        return False
    try:
        msgspec.json.Decoder(kind)
        return not _has_custom(msgspec.inspect.type_info(kind))
    except (TypeError, ValueError):
        return False


def _has_custom(info: msgspec.inspect.Type) -> bool:
    return isinstance(info, msgspec.inspect.CustomType)
