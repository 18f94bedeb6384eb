"""Error texts: class and message, never longer than the limit, whatever an exception holds and however it fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from monarq.shared.errors import StandInError
from monarq.shared.text.error_text import (
    DEFAULT_MAX_ERROR_TEXT,
    brief,
    error_text,
    is_larger,
    limit_error_text,
    message_of,
    truncate,
)


class RudeError(Exception):
    def __str__(self) -> str:
        raise SystemExit("rude")


class RudeObject:
    def __repr__(self) -> str:
        raise KeyboardInterrupt


@pytest.fixture
def short_texts() -> Iterator[None]:
    limit_error_text(100)
    yield
    limit_error_text(DEFAULT_MAX_ERROR_TEXT)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no"), "ValueError: no"),
        (ValueError(), "ValueError"),
        (KeyError("a"), "KeyError: 'a'"),
        (StandInError("lib.Error: no", "lib.Error"), "lib.Error: no"),
        (OSError("caf\udce9"), "OSError: caf\\udce9"),
        (RudeError(), f"{__name__}.RudeError: <its str() raised SystemExit>"),
    ],
)
def test_class_and_message(error: Exception, text: str) -> None:
    assert error_text(error) == text


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x" * 20_000_000),
        KeyError("x" * 20_000_000),
        ValueError(b"x" * 20_000_000),
        ValueError(*["x" * 1000] * 1000),
        ValueError(list(range(1_000_000))),
        ValueError("x" * 1000, RudeObject()),
        ValueError(10**100_000),
    ],
    ids=lambda error: type(error.args[0]).__name__,
)
def test_a_large_error_has_a_short_text(error: Exception, short_texts: None) -> None:
    assert 0 < len(message_of(error)) < 200


def test_beginning_and_end_are_kept() -> None:
    assert truncate("abc", 3) == "abc"
    assert truncate("a" * 75 + "-" * 1000 + "z" * 25, 100) == f"{'a' * 75} … [1,000 characters left out] … {'z' * 25}"
    assert brief("one\n  two") == "one two"


@pytest.mark.parametrize(
    ("value", "budget", "larger"),
    [
        ("x" * 10, 10, False),
        ("x" * 11, 10, True),
        (["x" * 5, b"x" * 5], 12, True),
        (["x" * 5, b"x" * 5], 13, False),
        ({"k": "x" * 20}, 10, True),
        (1 << 4000, 1000, True),
        (ExceptionGroup("many", [ValueError()] * 1000), 20_000, True),
    ],
)
def test_the_size_of_a_value(value: object, budget: int, larger: bool) -> None:
    assert is_larger(value, budget) is larger


def test_a_value_that_holds_itself_has_a_size() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert is_larger(loop, 1000)
