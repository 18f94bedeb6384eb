"""Unions of classes: which member a value without a name is read as, and how long that takes."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, Literal, TypedDict, TypeVar
from uuid import UUID

import pytest

from monarq.shared.conversion.builder import Builder
from monarq.shared.conversion.mismatch import MismatchError
from monarq.shared.conversion.registered import register_type
from monarq.shared.conversion.unions import distinct_names
from monarq.shared.errors import JobError
from monarq.shared.payloads.codec import MSGPACK
from tests.types.table import same

T = TypeVar("T")
U = TypeVar("U")


@dataclass
class Add:
    left: Add | Mul | int
    right: int = 0


@dataclass
class Mul:
    left: Add | Mul | int
    right: int = 0


class Left(TypedDict):
    next: Left | Right | int


class Right(TypedDict):
    next: Left | Right | int


@dataclass
class Cat:
    name: str
    lives: int = 9


@dataclass
class Dog:
    name: str
    age: int = 3


def test_a_value_of_40_levels_that_fits_no_member_is_refused_at_once() -> None:
    form = Builder().form(Add | Mul | int)
    plain: Any = "x"
    for _ in range(40):
        plain = {"left": plain}
    with pytest.raises(MismatchError):  # each level more would double the time
        form.decode(plain)


def test_a_value_of_40_levels_is_read_without_names() -> None:
    form = Builder().form(Add | Mul | int)
    plain: Any = 1
    for _ in range(40):
        plain = {"left": plain, "right": 2}
    read = form.decode(plain)
    for _ in range(40):
        assert type(read) is Add
        read = read.left
    assert read == 1


def test_a_value_of_40_levels_that_fits_no_member_is_not_sent_either() -> None:
    form = Builder().form(Left | Right | int)
    value: Any = "x"
    for _ in range(40):
        value = {"next": value}
    with pytest.raises(MismatchError):
        form.encode(value)


def test_a_map_is_read_as_the_class_that_has_all_of_its_keys() -> None:
    form = Builder().form(Cat | Dog)
    assert form.decode({"name": "a", "age": 5}) == Dog("a", 5)
    assert form.decode({"name": "a", "lives": 5}) == Cat("a", 5)
    assert form.decode({"name": "a"}) == Cat("a")
    assert form.decode({"name": "a", "age": 5, "new": 1}) == Cat("a")
    for value in (Cat("a"), Dog("a")):
        assert form.decode(form.encode(value)) == value


class Maybe(Enum):
    NONE = None
    SOME = "some"


class Nothing:
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Nothing)


class Tagged:
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tagged)


register_type(Nothing, encode=lambda _: None, decode=lambda _: Nothing())
register_type(Tagged, encode=lambda _: {"$type": "Tagged", "$value": 1}, decode=lambda _: Tagged())


@pytest.mark.parametrize(
    ("hint", "values"),
    [
        (Maybe | None, [Maybe.NONE, Maybe.SOME, None]),
        (Maybe | int | None, [Maybe.NONE, Maybe.SOME, None, 1]),
        (Nothing | None, [Nothing(), None]),
        (Nothing | int | None, [Nothing(), None, 1]),
        (Tagged | None, [Tagged(), None]),
        (Any | None, [{"$type": "a", "$value": 1}, None, 1]),
        (Literal[Maybe.NONE, "x"] | None, [Maybe.NONE, "x", None]),
    ],
    ids=["enum", "enum in three", "registered", "registered in three", "like a tag", "any", "literal"],
)
def test_what_travels_as_none_does_not_come_back_as_none(hint: Any, values: list[Any]) -> None:
    form = Builder().form(hint)
    for value in values:
        back = form.decode(form.encode(value))
        assert back == value
        assert type(back) is type(value)
    assert form.decode(None) is None


def order_of(module: str) -> Any:
    return type("Order", (), {"__module__": module, "__annotations__": {"x": int}})


@pytest.mark.parametrize("modules", [("a", "b", "c"), ("a", "a", "a"), ("a", "b", "b")], ids=".".join)
def test_classes_of_one_name_are_told_apart(modules: tuple[str, ...]) -> None:
    kinds = [dataclass(order_of(module)) for module in modules]
    form = Builder().form(kinds[0] | kinds[1] | kinds[2])
    lists = Builder().form(list[kinds[0]] | list[kinds[1]] | list[kinds[2]])  # type: ignore[valid-type]
    for kind in kinds:
        assert type(form.decode(form.encode(kind(1)))) is kind
        assert type(lists.decode(lists.encode([kind(1)]))[0]) is kind
    if modules == ("a", "b", "c"):
        assert form.encode(kinds[1](1)) == {"$type": "b.Order", "$value": {"x": 1}}


def test_errors_of_monarq_are_told_apart_by_the_name_that_every_version_sends() -> None:
    namesake = type("JobError", (Exception,), {"__module__": "shop"})
    names = distinct_names(["JobError", "JobError"], (JobError, namesake))
    assert names == ["monarq.shared.errors.JobError", "shop.JobError"]


@dataclass
class Box(Generic[T]):
    x: T


@dataclass
class Two(Generic[T, U]):
    x: T
    y: U


@pytest.mark.parametrize(
    ("hint", "values"),
    [
        (list[float] | list[int], [[1, 2], [1.5], [2**70], [2**53 + 1], []]),
        (dict[str, list[float]] | dict[str, list[int]], [{"a": [1]}, {"a": [1.5]}]),
        (set[float] | set[int], [{1}, {1.5}]),
        (Box[float] | Box[int], [Box(1), Box(1.5)]),
        (Box[list[float] | list[int]] | Box[float], [Box([1]), Box([1.5]), Box(1.5)]),
        (Sequence[float] | tuple[int, ...], [[1.5], (1, 2)]),
        (AbstractSet[int] | frozenset[int], [{1}, frozenset({1})]),
        (float | int, [1, 1.5, 2**70]),
    ],
    ids=str,
)
def test_a_member_that_keeps_the_value_is_preferred(hint: Any, values: list[Any]) -> None:
    form = Builder().form(hint)
    for value in values:
        assert same(form.decode(MSGPACK.loads(MSGPACK.dumps({"r": form.encode(value)}))["r"]), value)


def test_a_value_that_members_would_change_in_different_ways_is_refused() -> None:
    form = Builder().form(Two[float, int] | Two[int, float])
    with pytest.raises(MismatchError, match="this may be more than one of"):
        form.encode(Two(1, 1))
    for value in (Two(1.5, 1), Two(1, 1.5)):
        assert same(form.decode(form.encode(value)), value)
    assert Builder().form(list[float] | list[UUID]).encode([1]) == [1.0]


class Here(TypedDict):
    next: Here | There | float


class There(TypedDict):
    next: Here | There | float


def test_a_value_of_40_levels_that_every_member_changes_is_sent_at_once() -> None:
    form = Builder().form(Here | There | float)
    value: Any = 1
    for _ in range(40):
        value = {"next": value}
    assert form.decode(form.encode(value)) == value  # each level more would double the time
