"""Arguments travel as their annotations say, and come back so; what does not fit is refused with its name."""

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

from monarq.shared.calls.arguments import ArgumentForms
from monarq.shared.calls.context import Context
from monarq.shared.calls.signature import read_signature
from monarq.shared.conversion.builder import Builder
from monarq.shared.conversion.carried import CarriedBuilder
from monarq.shared.errors import ArgumentsError, DeclarationError
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
    """Nothing is known of how it travels."""


def rich(
    who: UUID, price: Decimal, colour: Colour, tags: set[str], pair: tuple[int, str], at: Point | None = None
) -> None: ...


def when(moment: datetime, *rest: int, **named: int) -> None: ...


def plain(number: int, name: str, parts: list[dict[str, int]], anything: object, unsaid, maybe: int | None = None): ...  # type: ignore[no-untyped-def]


def strange(thing: Strange) -> None: ...


def forms_of(function: Callable[..., Any]) -> ArgumentForms:
    return ArgumentForms(function.__name__, read_signature(function), Builder())


def travel(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    forms = forms_of(function)
    encoded, named = forms.encode(args, kwargs)
    payload = Payload.read(write_payload(MSGPACK, "f", encoded, named, 1), Codecs())
    return forms.decode(payload.args, payload.kwargs)


def test_rich_values_come_back() -> None:
    args = (UUID(int=7), Decimal("1.10"), Colour.RED, {"a", "b"}, (1, "x"))
    assert travel(rich, *args, at=Point(1, 2)) == (args, {"at": Point(1, 2)})
    assert travel(rich, *args, None) == ((*args, None), {})
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    assert travel(when, moment, 1, 2, more=3) == ((moment, 1, 2), {"more": 3})


@pytest.mark.parametrize(
    ("function", "args", "reason"),
    [
        (when, ("not a time",), "argument 'moment' of when: expected datetime, got str 'not a time'"),
        (when, (datetime(2026, 1, 2, tzinfo=UTC), "3"), "argument 2 of when: expected int, got str '3'"),
        (rich, ("7",), "argument 'who' of rich: expected UUID, got str '7'"),
        (plain, (1, "n", [{}, {"a": "1"}]), r"argument 'parts'\[1\]\['a'\] of plain: expected int, got str '1'"),
        (plain, (1, "n", [], (1,)), "argument 'anything' of plain: a tuple would come back as a list: pass a list"),
        (
            strange,
            (Strange(),),
            r"argument 'thing' of strange: .*cannot be sent unless you call monarq.register_type\(Strange, ",
        ),
    ],
    ids=["no time", "no int", "no UUID", "deep inside", "a tuple", "unknown class"],
)
def test_what_does_not_fit_is_refused_with_its_name(
    function: Callable[..., Any], args: tuple[Any, ...], reason: str
) -> None:
    with pytest.raises(ArgumentsError, match=reason):
        forms_of(function).encode(args, {})


def test_arguments_that_come_are_refused_as_well() -> None:
    with pytest.raises(ArgumentsError, match="argument 'who' of rich: expected UUID as text, got int 7"):
        forms_of(rich).decode((7, "1.10", "red", [], [1, "x"]), {})
    with pytest.raises(ArgumentsError, match="missing a required argument: 'price'"):
        forms_of(rich).decode((str(UUID(int=7)),), {})


def test_plain_arguments_are_known_at_a_glance() -> None:
    forms = forms_of(plain)
    row = (1, "n", [], None, 2.0)
    assert not forms.is_free(row), "a list is looked into"
    assert forms_of(when).is_free(()) is False

    def scalars(number: int, name: str | None, share: float, flag: bool = False) -> None: ...

    forms = forms_of(scalars)
    for free in [(1, "n", 2.0), (1, None, 2.0, True)]:
        assert forms.is_free(free)
        assert forms.are_free([free, free])
    for other in [
        (1, "n", 2),
        (2**64, "n", 2.0),
        (-(2**63) - 1, "n", 2.0),
        (1,),
        (1, "n", 2.0, True, 5),
        ("1", "n", 2.0),
    ]:
        assert not forms.is_free(other)
        assert not forms.are_free([(1, "n", 2.0, True)[: len(other)], other])


def test_what_is_left_to_the_worker_is_encoded_as_far_as_it_fits() -> None:
    assert forms_of(rich).encode_what_fits((UUID(int=7), "cheap"), {}) == ((str(UUID(int=7)), "cheap"), {})


def test_formats_that_carry_values_are_only_checked() -> None:
    forms = ArgumentForms("rich", read_signature(rich), CarriedBuilder())

    class Derived(Point):
        pass

    args = (UUID(int=7), Decimal("1.10"), Colour.RED, {"a", "b"}, (1, "x"), Derived(1, 2))
    assert forms.encode(args, {}) == (args, {})
    with pytest.raises(ArgumentsError, match=r"argument 'pair'\[1\]|argument 'pair' of rich: expected str, got int 2"):
        forms.encode((*args[:4], (1, 2)), {})


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
    with pytest.raises(DeclarationError, match=r"argument 'order' of ship cannot be rebuilt.*Unloaded"):
        forms_of(ship)


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
