"""Arguments come back as what the job's annotations name."""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from monarq.shared.calls.arguments import make_converter
from monarq.shared.calls.context import Context
from monarq.shared.calls.signature import read_signature
from monarq.shared.errors import DeclarationError, PayloadError
from monarq.shared.payloads.codec import MSGPACK, Codecs
from monarq.shared.payloads.payload import Payload, write_payload

if TYPE_CHECKING:
    from decimal import Decimal as ForCheckers
    from tkinter import Wm as Unloaded


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
    converter = make_converter(function.__name__, read_signature(function))
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
    assert make_converter("f", read_signature(function)) is None


def test_what_cannot_be_is_named() -> None:
    with pytest.raises(PayloadError, match="argument 1 of when is not what its annotation says"):
        travel(when, "not a time")


def test_context_is_not_an_argument() -> None:
    def job(who: UUID, ctx: Context, other: UUID) -> None: ...

    first, second = UUID(int=1), UUID(int=2)
    assert travel(job, first, second) == ((first, second), {})


def test_those_that_take_the_rest_are_made_as_well() -> None:
    def pay(first: int, *amounts: Decimal, **fees: Decimal) -> None: ...

    assert travel(pay, 1, Decimal(2), Decimal(3), fee=Decimal(4)) == ((1, Decimal(2), Decimal(3)), {"fee": Decimal(4)})


def test_an_annotation_that_cannot_be_resolved_takes_no_other_along() -> None:
    def pay(ctx: Context, customer: Nowhere, amount: Decimal, loaded: ForCheckers, strange: Unloaded) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    came = (Decimal("1.10"), Decimal("2.20"))
    assert travel(pay, "c", came[0], came[1], "u") == (("c", *came, "u"), {})


def test_a_class_that_cannot_be_made_is_refused_before_any_run() -> None:
    @dataclass
    class Order:
        customer: Unloaded

    def ship(order: Order) -> None: ...

    ship.__annotations__["order"] = Order
    with pytest.raises(DeclarationError, match=r"argument 'order' of ship cannot be made.*Unloaded"):
        make_converter("ship", read_signature(ship))


def behind(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function behind a decorator that may do anything with its arguments."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any: ...

    return wrapper


def session_first(session: Strange, who: UUID) -> None: ...


def session_last(who: UUID, session: Strange) -> None: ...


def unsaid_first(session, who: UUID, depth: int = 1) -> None: ...  # type: ignore[no-untyped-def]


@pytest.mark.parametrize("function", [session_first, session_last, unsaid_first])
def test_what_a_decorator_gives_itself_is_no_argument(function: Callable[..., Any]) -> None:
    who = UUID(int=1)
    assert travel(behind(function), who) == ((who,), {})
    assert travel(behind(function), who=who) == ((), {"who": who})


def test_a_decorator_that_passes_on_what_it_gets_changes_nothing() -> None:
    args = (UUID(int=7), Decimal("1.10"), Colour.RED, {"a", "b"}, (1, "x"))
    assert travel(behind(rich), *args, at=Point(1, 2)) == (args, {"at": Point(1, 2)})
