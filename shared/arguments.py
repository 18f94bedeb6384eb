"""Arguments as the job's annotations name them.

msgpack knows numbers, text, bytes, times, lists and dicts. What a producer passes besides, such as a UUID, a Decimal,
an enum, a set, a tuple or a dataclass, travels as the nearest of these, and is made again here by the annotation of the
parameter. Parameters without annotation, or with one of the plain types, get what came.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from monarq.shared.errors import PayloadError

_PLAIN: Final = frozenset({int, float, str, bytes, bool, list, dict, object, type(None), Any, inspect.Parameter.empty})

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


class Converter:
    """Makes the arguments of one function again."""

    def __init__(self, name: str, signature: inspect.Signature, kinds: Mapping[str, Any]) -> None:
        self._name = name
        self._kinds = kinds
        self._positional = [
            kinds.get(parameter.name)
            for parameter in signature.parameters.values()
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        ]

    def convert(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """The arguments, each as its annotation says.

        Raises:
            PayloadError: one of them cannot be what its annotation says.
        """
        kinds = self._positional + [None] * (len(args) - len(self._positional))
        made = tuple(self._make(at, value, kind) for at, (value, kind) in enumerate(zip(args, kinds, strict=False)))
        return made, {name: self._make(name, value, self._kinds.get(name)) for name, value in kwargs.items()}

    def _make(self, which: int | str, value: Any, kind: Any) -> Any:
        if kind is None:
            return value
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            shown = f"argument {which + 1}" if isinstance(which, int) else f"argument {which!r}"
            raise PayloadError(f"{shown} of {self._name} is not what its annotation says: {error}") from None


def converter_of(function: Callable[..., Any], *, skip_first: bool) -> Converter | None:
    """The converter for a function's arguments, or None where its annotations name plain types only.

    Args:
        function: the job's function.
        skip_first: whether its first parameter is a context, which no producer passes.
    """
    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError, AttributeError):
        # Annotations that exist for type checkers only: there is nothing here to go by.
        return None
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())[1 if skip_first else 0 :]
    kinds = {
        parameter.name: hints[parameter.name]
        for parameter in parameters
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        and not _is_plain(hints.get(parameter.name, Any))
        and _is_known(hints[parameter.name])
    }
    return Converter(function.__qualname__, signature.replace(parameters=parameters), kinds) if kinds else None


def _is_plain(kind: Any) -> bool:
    """Whether what came needs no making."""
    origin = typing.get_origin(kind)
    if origin in (list, dict, typing.Union, type(int | str)):
        return all(_is_plain(part) for part in typing.get_args(kind))
    try:
        return kind in _PLAIN
    except TypeError:
        return False


def _is_known(kind: Any) -> bool:
    """Whether msgspec can make one; a class of the user's own that it does not know gets what came."""
    try:
        msgspec.json.Decoder(kind)
        return not _has_custom(msgspec.inspect.type_info(kind))
    except (TypeError, ValueError):
        return False


def _has_custom(info: msgspec.inspect.Type) -> bool:
    return isinstance(info, msgspec.inspect.CustomType)
