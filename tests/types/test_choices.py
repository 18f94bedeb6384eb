"""Members of enums, and Literals that have them beside equal values."""

from __future__ import annotations

from enum import Enum, Flag, IntEnum, StrEnum
from typing import Any, Literal

import pytest

from monarq.shared.conversion.builder import Builder
from monarq.shared.payloads.codec import MSGPACK


class Word(StrEnum):
    A = "a"
    B = "b"


class Other(StrEnum):
    A = "a"


class Number(IntEnum):
    ONE = 1


class Large(Enum):
    LARGE = 2**70
    SMALL = 1


class Odd(Enum):
    NAN = float("nan")
    ONE = 1.0


class Wide(Flag):
    LOW = 1
    HIGH = 2**70


@pytest.mark.parametrize(
    ("hint", "values"),
    [
        (Literal["a", Word.A], ["a", Word.A]),
        (Literal[Word.A, "a"], ["a", Word.A]),
        (Literal[1, Number.ONE, True], [1, Number.ONE, True]),
        (Literal[Number.ONE, 1], [1, Number.ONE]),
        (Literal[Word.A, Other.A, "a"], ["a", Word.A, Other.A]),
        (Literal["a", Word.A] | None, ["a", Word.A, None]),
        (dict[Literal["a", Word.A], int], [{"a": 1}]),
        (Large, list(Large)),
        (Large | int, [*Large, 1, 2**70]),
        (Odd, list(Odd)),
        (Wide, [Wide.LOW, Wide.HIGH, Wide.LOW | Wide.HIGH, Wide(0)]),
        (list[Wide | int], [[Wide.HIGH, 2**70, 1, Wide.LOW]]),
    ],
    ids=str,
)
def test_a_member_comes_back_as_itself_and_a_value_as_a_value(hint: Any, values: list[Any]) -> None:
    form = Builder().form(hint)
    for value in values:
        back = form.decode(MSGPACK.loads(MSGPACK.dumps({"r": form.encode(value)}))["r"])
        assert back == value or back is value
        assert type(back) is type(value)


def test_only_members_that_look_like_another_value_are_tagged() -> None:
    form = Builder().form(Literal["a", Word.A, Word.B])
    assert [form.encode(value) for value in ("a", Word.A, Word.B)] == ["a", {"$type": "Word", "$value": "a"}, "b"]
