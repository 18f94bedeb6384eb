"""Arguments come back as what the job's annotations name."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from monarq.shared.arguments import converter_of
from monarq.shared.codec import MSGPACK, Codecs
from monarq.shared.errors import PayloadError
from monarq.shared.payload import Payload, write_payload


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    y: int


class Strange:
    """msgspec knows nothing of it."""


def rich(
    who: UUID, price: Decimal, colour: Colour, tags: set[str], pair: tuple[int, str], at: Point | None = None
) -> None: ...


def when(moment: datetime, *rest: int, **named: int) -> None: ...


def plain(number: int, name: str, parts: list[dict[str, int]], anything: object, unsaid, maybe: int | None) -> None: ...  # type: ignore[no-untyped-def]


def strange(thing: Strange) -> None: ...


def travel(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    payload = Payload.read(write_payload(MSGPACK, "f", args, kwargs, 1), Codecs())
    converter = converter_of(function, skip_first=False)
    assert converter is not None
    return converter.convert(payload.args, payload.kwargs)


def test_rich_values_come_back() -> None:
    args = (UUID(int=7), Decimal("1.10"), Colour.RED, {"a", "b"}, (1, "x"))
    assert travel(rich, *args, at=Point(1, 2)) == (args, {"at": Point(1, 2)})
    assert travel(rich, *args, None) == ((*args, None), {})
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    assert travel(when, moment, 1, 2, more=3) == ((moment, 1, 2), {"more": 3})


@pytest.mark.parametrize("function", [plain, strange])
def test_plain_annotations_need_no_converter(function: Callable[..., Any]) -> None:
    assert converter_of(function, skip_first=False) is None


def test_what_cannot_be_is_named() -> None:
    with pytest.raises(PayloadError, match="argument 1 of when is not what its annotation says"):
        travel(when, "not a time")


def test_context_is_not_an_argument() -> None:
    def job(ctx: object, who: UUID) -> None: ...

    converter = converter_of(job, skip_first=True)
    assert converter is not None
    assert converter.convert((str(UUID(int=1)),), {}) == ((UUID(int=1),), {})
