"""Generic classes, whose fields are of the types that their type parameters stand for, and other hints of fields."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Generic, NamedTuple, TypedDict, TypeVar, TypeVarTuple, Unpack
from uuid import UUID

import attrs
import msgspec
import pytest
import typing_extensions

from monarq.shared.conversion.builder import Builder
from monarq.shared.conversion.carried import CarriedBuilder
from monarq.shared.conversion.mismatch import MismatchError
from tests.types.table import same

T = TypeVar("T")
U = TypeVar("U")
Ts = TypeVarTuple("Ts")


@dataclass
class Box(Generic[T]):
    x: T


@dataclass
class Lists(Box[list[T]], Generic[T]):
    y: T


@dataclass
class Middle(Box[U], Generic[U]):
    pass


@dataclass
class Price(Middle[Decimal]):
    pass


@dataclass
class Below(Price):
    z: int = 0


@dataclass
class Bare(Box):  # type: ignore[type-arg]
    z: Decimal


@dataclass
class Both(Generic[T, U]):
    x: T
    y: U


@dataclass
class Swapped(Both[U, T], Generic[T, U]):
    pass


@dataclass
class Again(Lists[UUID]):
    x: list[UUID]


@dataclass
class Many(Generic[T, *Ts]):
    x: T
    rest: tuple[*Ts]


@dataclass
class Few(Many[U, int, *Ts]):
    pass


@attrs.define
class Attrs(Generic[T]):
    x: T


@attrs.define
class AttrsOfLists(Attrs[list[U]], Generic[U]):
    y: U


class Struct(msgspec.Struct, Generic[T]):
    x: T


class StructOfLists(Struct[list[T]], Generic[T]):
    y: T


class Pair(NamedTuple, Generic[T]):
    x: T


class Keys(TypedDict, Generic[T]):
    x: T


class MoreKeys(Keys[list[T]], Generic[T]):
    y: T


class LastKeys(MoreKeys[Decimal]):
    z: int


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (Lists[int], Lists([1], 1)),
        (Lists[UUID], Lists([UUID(int=1)], UUID(int=2))),
        (Price, Price(Decimal(1))),
        (Below, Below(Decimal(1), 2)),
        (Bare, Bare(1, Decimal(1))),
        (Swapped[int, float], Swapped(1.5, 2)),
        (Swapped[UUID, Decimal], Swapped(Decimal(1), UUID(int=1))),
        (Again, Again([UUID(int=1)], UUID(int=2))),
        (Many[Decimal, int, UUID], Many(Decimal(1), (1, UUID(int=1)))),
        (Few[Decimal, UUID, str], Few(Decimal(1), (1, UUID(int=1), "a"))),
        (Box[Box[Decimal]], Box(Box(Decimal(1)))),
        (AttrsOfLists[Decimal], AttrsOfLists([Decimal(1)], Decimal(2))),
        (StructOfLists[Decimal], StructOfLists([Decimal(1)], Decimal(2))),
        (Pair[Decimal], Pair(Decimal(1))),
        (MoreKeys[Decimal], {"x": [Decimal(1)], "y": Decimal(2)}),
        (LastKeys, {"x": [Decimal(1)], "y": Decimal(2), "z": 3}),
    ],
    ids=str,
)
def test_a_field_is_of_the_type_that_its_class_gets(hint: Any, value: Any) -> None:
    form = Builder().form(hint)
    back = form.decode(form.encode(value))
    assert same(back, value)
    assert list(back) == list(value) if isinstance(value, dict) else True


def test_an_int_stays_one_where_the_parameters_are_swapped() -> None:
    form = Builder().form(Swapped[int, float])
    assert type(form.decode(form.encode(Swapped(1.5, 2))).y) is int
    with pytest.raises(MismatchError):
        form.encode(Swapped(1.5, 2.5))  # type: ignore[arg-type]


LINKED = """
@dataclass
class Linked[T]:
    x: T
    next: "Linked[T] | None" = None
"""


def test_type_parameters_of_the_class_statement_are_known_in_text() -> None:
    text = LINKED
    if sys.version_info < (3, 12):
        text = text.replace("Linked[T]:", "Linked(Generic[T]):")
    exec(text, globals())
    linked: Any = globals()["Linked"]
    form = Builder().form(linked[Decimal])
    value = linked(Decimal(1), linked(Decimal(2)))
    assert form.decode(form.encode(value)) == value


class Query(typing_extensions.TypedDict, total=False):
    price: typing_extensions.Required[Decimal]
    limit: typing_extensions.ReadOnly[int]
    key: typing_extensions.ReadOnly[typing_extensions.Required[UUID]]


def test_a_typed_dict_of_typing_extensions_is_one() -> None:
    form = Builder().form(Query)
    for value in ({"price": Decimal(1), "key": UUID(int=1)}, {"price": Decimal(1), "limit": 2, "key": UUID(int=1)}):
        assert same(form.decode(form.encode(value)), value)
        assert CarriedBuilder().form(Query).encode(value) is value
    with pytest.raises(MismatchError, match="its key 'key' is missing"):
        form.encode({"price": Decimal(1)})
    with pytest.raises(MismatchError, match=r"\['limit'\]: expected int"):
        form.encode({"price": Decimal(1), "limit": "a", "key": UUID(int=1)})


@dataclass
class Constant:
    price: Final[Decimal] = Decimal(1)  # type: ignore[misc]


def test_a_final_field_is_of_its_type() -> None:
    form = Builder().form(Constant)
    assert form.decode(form.encode(Constant(Decimal(2)))) == Constant(Decimal(2))


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (tuple[int, *tuple[str, ...]], (1, "a", "b")),
        (tuple[int, *tuple[str, ...]], (1,)),
        (tuple[*tuple[UUID, ...], int], (UUID(int=1), UUID(int=2), 3)),
        (tuple[int, Unpack[tuple[Decimal, ...]], UUID], (1, Decimal(2), UUID(int=1))),  # noqa: UP044 - the same, in the other notation
        (tuple[int, *tuple[str, UUID]], (1, "a", UUID(int=1))),
    ],
    ids=str,
)
def test_a_tuple_with_another_one_unpacked_in_it_comes_back(hint: Any, value: Any) -> None:
    form = Builder().form(hint)
    assert same(form.decode(form.encode(value)), value)
    assert CarriedBuilder().form(hint).encode(value) is value


@pytest.mark.parametrize("value", [(), (1, "a", 2), ("a", "b"), [1]], ids=str)
def test_a_tuple_that_does_not_fit_one_with_another_unpacked_is_refused(value: Any) -> None:
    for builder in (Builder(), CarriedBuilder()):
        with pytest.raises(MismatchError):
            builder.form(tuple[int, *tuple[str, ...]]).encode(value)
    with pytest.raises(MismatchError):
        Builder().form(tuple[int, *tuple[str, ...]]).decode(list(value) if value != [1] else 5)
