"""Types that contain themselves: aliases of the `type` statement, and classes by `Self`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self, TypeVar, Union
from uuid import UUID

import pytest

from monarq.shared.calls.arguments import ArgumentForms
from monarq.shared.calls.job_types import types_by_hand
from monarq.shared.calls.signature import read_signature
from monarq.shared.conversion.builder import Builder
from monarq.shared.conversion.carried import CarriedBuilder
from monarq.shared.conversion.mismatch import MismatchError
from monarq.shared.errors import DeclarationError
from tests.types.table import same

T = TypeVar("T")

_STATEMENTS = """
type Json = dict[str, Json] | list[Json] | str | int | float | bool | None
type Ids = list[Ids | UUID | str]
type Rec[T] = T | list[Rec[T]]
type Deeper[T] = T | list[Deeper[list[T]]]
type Ring = list[Other] | Decimal
type Other = dict[str, Ring] | Ring | int
type Itself = int | Itself
type One = Two | int
type Two = One | str
"""


class Alias:
    """An alias as the `type` statement makes it: its value is evaluated when it is first asked for."""

    def __init__(self, name: str, value: str, *parameters: Any) -> None:
        self.__name__ = name
        self.__type_params__ = self.__parameters__ = parameters
        self._text = value

    @property
    def __value__(self) -> Any:
        return eval(self._text, globals())

    def __getitem__(self, args: Any) -> Any:
        from types import GenericAlias

        return GenericAlias(self, args)  # type: ignore[arg-type]

    def __or__(self, other: Any) -> Any:
        return Union[self, other]  # noqa: UP007 - this is what makes `|` possible

    def __ror__(self, other: Any) -> Any:
        return Union[other, self]  # noqa: UP007

    def __call__(self) -> None:
        """What typing takes for a type is callable."""

    def __repr__(self) -> str:
        return self.__name__


def declare() -> None:
    if sys.version_info >= (3, 12):
        exec(_STATEMENTS, globals())
        return
    for line in _STATEMENTS.strip().splitlines():
        left, _, value = line.removeprefix("type ").partition(" = ")
        name, bracket, _ = left.partition("[")
        globals()[name] = Alias(name, value, *([T] if bracket else []))


declare()


@pytest.mark.parametrize(
    ("hint", "values"),
    [
        ("Json", [{"a": [1, 2.5, None, {"b": [True, "x"]}]}, [], 1, 2**70, [2**70]]),
        ("Json | None", [None, {"a": None}]),
        ("Ids", [[], [UUID(int=1), str(UUID(int=1)), [UUID(int=2), []]]]),
        ("Rec[int]", [1, [1, [2, []]]]),
        ("Rec[Decimal]", [[Decimal(1), [Decimal(2)]]]),
        ("dict[str, Rec[UUID]]", [{"a": [UUID(int=1)]}]),
        ("Ring", [Decimal(1), [{"a": [1, Decimal(2)]}, 3]]),
        ("Other", [{"a": [1, Decimal(2)]}, 3, Decimal(1)]),
    ],
)
def test_values_of_a_recursive_alias_come_back(hint: str, values: list[Any]) -> None:
    meant = eval(hint, globals())
    form, carried = Builder().form(meant), CarriedBuilder().form(meant)
    for value in values:
        assert same(form.decode(form.encode(value)), value)
        assert carried.encode(value) is value


def test_what_does_not_fit_a_recursive_alias_is_refused() -> None:
    with pytest.raises(MismatchError):
        Builder().form(eval("Json", globals())).encode({"a": [Decimal(1)]})
    with pytest.raises(MismatchError):
        Builder().form(eval("Rec[int]", globals())).encode([1, ["x"]])
    with pytest.raises(MismatchError):
        CarriedBuilder().form(eval("Rec[int]", globals())).encode([1, ["x"]])


@pytest.mark.parametrize("hint", ["Deeper[int]", "Itself", "One"])
def test_an_alias_without_end_is_refused_by_its_name(hint: str) -> None:
    meant = eval(hint, globals())

    def take(value: Any) -> None: ...

    take.__annotations__ = {"value": meant}
    with pytest.raises(DeclarationError, match=r"argument 'value' of take: " + hint.replace("[", r"\[")):
        ArgumentForms("take", read_signature(take), Builder())
    with pytest.raises(DeclarationError, match=r"the result of the job: " + hint.replace("[", r"\[")):
        types_by_hand(meant)


@dataclass
class Node:
    price: Decimal
    next: Self | None = None


@dataclass
class Named(Node):
    name: str = ""


def test_self_is_the_class_that_has_the_field() -> None:
    for value in (Node(Decimal(1), Node(Decimal(2))), Named(Decimal(1), Named(Decimal(2), None, "a"))):
        form = Builder().form(type(value))
        assert same(form.decode(form.encode(value)), value)
    with pytest.raises(MismatchError):
        Builder().form(Named).encode(Named(Decimal(1), Node(Decimal(2))))  # type: ignore[arg-type]
