"""Unions of classes: which member a value without a name is read as, and how long that takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict

import pytest

from monarq.shared.conversion.builder import Builder
from monarq.shared.conversion.mismatch import MismatchError


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
