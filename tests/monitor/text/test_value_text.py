"""Values as text: as Python writes them, bounded however hostile they are."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from monarq.monitor.text.value_text import LONGEST, call_text, value_text
from monarq.shared.payloads.pickle_fields import Called, Items, Named


def test_a_call_is_written_as_in_python() -> None:
    assert call_text([1, "b", None], {"name": [True, 2.5]}) == "1, 'b', None, name=[True, 2.5]"
    assert call_text((), {}) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((1,), "(1,)"),
        ({"a": (), "b": b"x"}, "{'a': (), 'b': b'x'}"),
        (msgspec.msgpack.Ext(5, b"123"), "<3 bytes of extension type 5>"),
        (Named("builtins.int"), "int"),
        (Called("app.User", Items("tuple", [1, "ann"])), "app.User(1, 'ann')"),
        (Called("builtins.set", Items("tuple", [])), "set()"),
        (2**10_001, "<a very large number>"),
        (object(), "<something>"),
    ],
)
def test_values(value: object, text: str) -> None:
    assert value_text(value) == text


def _nested() -> list[Any]:
    value: list[Any] = []
    for _ in range(1000):
        value = [value]
    return value


def _self_referential() -> list[Any]:
    value: list[Any] = [1]
    value.append(value)
    return value


def _repeated() -> list[Any]:
    value: list[Any] = ["x" * 100]
    for _ in range(18):
        value = [value] * 1000
    return value


@pytest.mark.parametrize("value", [_nested(), _self_referential(), _repeated(), "y" * 10**6], ids=range(4))
def test_hostile_values_are_cut(value: object) -> None:
    assert len(value_text(value)) <= LONGEST + 1
    assert len(value_text(value, 50)) <= 51
    assert "…" in value_text(value, 50)
