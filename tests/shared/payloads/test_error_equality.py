"""Equality of exceptions: class, text, arguments and attributes count, at any depth."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest

from monarq.shared.payloads.error_equality import error_attributes, errors_equal


class SlotError(Exception):
    __slots__ = ("code",)

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def noted(error: Exception, note: str) -> Exception:
    error.add_note(note)
    return error


def with_attribute(error: Exception, **attributes: Any) -> Exception:
    vars(error).update(attributes)
    return error


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no", {"a": [1, (2,)]}),
        OSError(2, "no such file", "here"),
        SlotError("no", 5),
        noted(ValueError("no"), "a note"),
        ValueError(math.nan),
        ValueError(KeyError("inner")),
        ExceptionGroup("two", [ValueError(1), KeyError("a")]),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
    ],
    ids=repr,
)
def test_a_copy_equals_its_original(error: Exception) -> None:
    assert errors_equal(error, copy.deepcopy(error) if not isinstance(error, SlotError) else SlotError("no", 5))


@pytest.mark.parametrize(
    ("error", "other"),
    [
        (ValueError("no"), TypeError("no")),
        (ValueError("no"), ValueError("yes")),
        (ValueError(1), ValueError(1.0)),
        (ValueError([1]), ValueError((1,))),
        (ValueError({"a": 1}), ValueError({"a": 2})),
        (SlotError("no", 5), SlotError("no", 6)),
        (noted(ValueError("no"), "a note"), ValueError("no")),
        (with_attribute(ValueError("no"), code=1), with_attribute(ValueError("no"), code=2)),
        (ValueError(KeyError("a")), ValueError(KeyError("b"))),
        (ValueError("no"), "no"),
        (ValueError("no"), ValueError),
    ],
)
def test_what_differs(error: Exception, other: object) -> None:
    assert not errors_equal(error, other)


def test_attributes_of_all_kinds() -> None:
    assert error_attributes(SlotError("no", 5)) == {"code": 5}
    assert error_attributes(OSError(2, "no", "here"))["filename"] == "here"
    assert error_attributes(noted(ValueError("no"), "a note")) == {"__notes__": ["a note"]}
    assert error_attributes(ValueError("no")) == {}
