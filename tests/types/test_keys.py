"""Dicts whose keys may be lists or maps once they are plain."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from monarq.shared.conversion.builder import Builder
from monarq.shared.conversion.mismatch import MismatchError


@pytest.mark.parametrize(
    ("hint", "value", "plain"),
    [
        (dict[int | str, int], {5: 1, "a": 2}, {5: 1, "a": 2}),
        (dict[int | str, int], {2**64: 1, "a": 2}, [[{"$type": "int", "$value": str(2**64)}, 1], ["a", 2]]),
        (dict[int | str | UUID, int], {UUID(int=7): 1}, [[{"$type": "UUID", "$value": str(UUID(int=7))}, 1]]),
        (dict[int | tuple[int, int], int], {1: 2}, {1: 2}),
        (dict[int | tuple[int, int], int], {(1, 2): 1, 3: 4}, [[[1, 2], 1], [3, 4]]),
        (dict[tuple[int, int] | None, int], {(1, 2): 1, None: 2}, [[[1, 2], 1], [None, 2]]),
        (dict[tuple[int, int] | None, int], {None: 2}, {None: 2}),
        (dict[tuple[int, int], int], {(1, 2): 1}, [[[1, 2], 1]]),
        (dict[Any, int], {1: 2}, {1: 2}),
        (dict[int | tuple[int, int], int] | list[int], [1], [1]),
        (dict[int | tuple[int, int], int] | list[list[int]], {(1, 2): 1}, [[[1, 2], 1]]),
        (dict[int | tuple[int, int], int] | list[list[int]], {}, {}),
    ],
    ids=str,
)
def test_keys_come_back(hint: Any, value: Any, plain: Any) -> None:
    form = Builder().form(hint)
    assert form.encode(value) == plain
    back = form.decode(plain)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (dict[float, int], {2**53: 1, 2**53 + 1: 2}),
        (set[float], {2**53, 2**53 + 1}),
        (list[float], [2**53 + 1]),
        (float, 2**53 + 1),
    ],
    ids=str,
)
def test_an_int_that_a_float_cannot_hold_is_refused(hint: Any, value: Any) -> None:
    with pytest.raises(MismatchError, match="a float cannot hold it exactly"):
        Builder().form(hint).encode(value)
    assert Builder().form(set[float]).encode({2**53}) == [2.0**53]
