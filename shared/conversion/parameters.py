"""Type parameters: what they stand for in the hints of generic classes and aliases."""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, Final

from monarq.shared.conversion.kinds import is_typed_dict

UNIONS: Final = (typing.Union, types.UnionType)

Arguments = Mapping[Any, tuple[Any, ...]]
"""The hints that type parameters stand for: one each, but any number for a TypeVarTuple."""


def bind(parameters: Iterable[Any], arguments: tuple[Any, ...]) -> Arguments:
    """The parameters of a generic class or alias with its arguments; without arguments they stand for nothing."""
    found: dict[Any, tuple[Any, ...]] = {}
    if not arguments:
        return found
    parameters = tuple(parameters)
    spare = len(arguments) - len(parameters) + 1
    at = 0
    for parameter in parameters:
        count = max(spare, 0) if _is_many(parameter) else 1
        if part := arguments[at : at + count]:
            found[parameter] = part
        at += count
    return found


def substitute(hint: Any, arguments: Arguments) -> Any:
    """A hint whose type parameters are replaced by their arguments, where they have one."""
    if isinstance(hint, typing.TypeVar):
        return arguments.get(hint, (hint,))[0]
    parameters = getattr(hint, "__parameters__", ())
    if not parameters or isinstance(hint, type) or arguments.keys().isdisjoint(parameters):
        return hint
    return hint[tuple(chain.from_iterable(arguments.get(one, (_itself(one),)) for one in parameters))]


def meant_by(hint: Any) -> Any:
    """What a NewType or an alias stands for; None for other hints."""
    origin = typing.get_origin(hint)
    if origin is None:
        return getattr(hint, "__supertype__", None) or getattr(hint, "__value__", None)
    if (value := getattr(origin, "__value__", None)) is None:
        return None
    return substitute(value, bind(origin.__type_params__, typing.get_args(hint)))


def flat_items(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of `tuple`, with those of unpacked tuples in their place: ``*tuple[str, ...]``."""
    parts = (typing.get_args(unpacked) if (unpacked := _unpacked(arg)) is not None else (arg,) for arg in args)
    return tuple(chain.from_iterable(parts))


def is_inside_itself(alias: Any, hint: Any) -> bool:
    """Whether what an alias stands for, or a member of it if that is a union, is the alias itself."""
    if hint == alias:
        return True
    members = typing.get_args(hint) if typing.get_origin(hint) in UNIONS else [meant_by(hint)]
    return any(member is not None and is_inside_itself(alias, member) for member in members)


def hints_of_fields(kind: Any, arguments: Arguments) -> dict[str, Any]:
    """The types of a class's fields. A type parameter in one stands for what the class that declares it gets for it.

    Args:
        kind: a class, generic or not.
        arguments: what its own type parameters stand for.
    """
    hints = _hints_of(kind)
    meant = dict[str, Arguments]()
    for names, own in reversed(_declared(kind, arguments)):
        meant |= dict.fromkeys(names, own)
    return {name: substitute(hint, meant.get(name, arguments)) for name, hint in hints.items()}


def _hints_of(kind: Any) -> dict[str, Any]:
    if not any("__type_params__" in vars(owner) for owner in kind.__mro__):
        return typing.get_type_hints(kind)
    # In text, Python before 3.12.4 does not know the type parameters of `class Page[T]`.
    hints = dict[str, Any]()
    for owner in reversed(kind.__mro__):
        names = {one.__name__: one for one in vars(owner).get("__type_params__", ())}
        own = {"__annotations__": inspect.get_annotations(owner), "__module__": owner.__module__}
        around = {**vars(owner), **vars(sys.modules.get(owner.__module__, typing))}
        hints |= typing.get_type_hints(type(owner.__name__, (), own), around, names)
    return hints


def _declared(kind: Any, arguments: Arguments) -> list[tuple[set[str], Arguments]]:
    """The fields that each class declares and what its type parameters stand for, a class before its bases."""
    known = _arguments_of_bases(kind, arguments)
    if not is_typed_dict(kind):
        return [(set(inspect.get_annotations(owner)), known.get(owner, {})) for owner in kind.__mro__]
    # The bases of a TypedDict are not in its __mro__, and its annotations contain theirs.
    found = []
    for owner, own in known.items():
        inherited = [inspect.get_annotations(base) for base, _ in _bases(owner)]
        annotations = inspect.get_annotations(owner).items()
        found.append(
            ({name for name, hint in annotations if not any(base.get(name) is hint for base in inherited)}, own)
        )
    return found


def _arguments_of_bases(kind: Any, arguments: Arguments) -> dict[Any, Arguments]:
    """What the type parameters of a class and of each of its bases stand for, a class before its bases."""
    found = {kind: arguments}
    for base, given in _bases(kind):
        own = tuple(chain.from_iterable(_substituted(one, arguments) for one in given))
        for above, theirs in _arguments_of_bases(base, bind(getattr(base, "__parameters__", ()), own)).items():
            # A class that is a base twice has arguments where one of the two gives them.
            found[above] = found.get(above) or theirs
    return found


def _bases(kind: Any) -> list[tuple[Any, tuple[Any, ...]]]:
    bases = [
        (typing.get_origin(base) or base, typing.get_args(base))
        for base in kind.__dict__.get("__orig_bases__", kind.__bases__)
    ]
    return [(base, given) for base, given in bases if isinstance(base, type) and base is not typing.Generic]


def _substituted(hint: Any, arguments: Arguments) -> tuple[Any, ...]:
    """What an argument of a base stands for: one hint, but any number for an unpacked TypeVarTuple."""
    if typing.get_origin(hint) is typing.Unpack and _is_many(many := typing.get_args(hint)[0]):
        return arguments.get(many, (hint,))
    return (substitute(hint, arguments),)


def _unpacked(hint: Any) -> Any:
    """The tuple that a hint unpacks; None for other hints."""
    if getattr(hint, "__unpacked__", False):
        return hint
    inner = typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Unpack else None
    return inner if typing.get_origin(inner) is tuple else None


def _is_many(parameter: Any) -> bool:
    return hasattr(parameter, "__typing_is_unpacked_typevartuple__") or isinstance(parameter, typing.TypeVarTuple)


def _itself(parameter: Any) -> Any:
    return typing.Unpack[parameter] if _is_many(parameter) else parameter
