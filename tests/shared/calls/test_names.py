"""Names that parameters share with keyword arguments, and keyword arguments that a TypedDict describes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NotRequired, TypedDict, Unpack

import pytest

from monarq.shared.calls.arguments import ArgumentForms
from monarq.shared.calls.signature import read_signature
from monarq.shared.conversion.builder import Builder
from monarq.shared.errors import ArgumentsError


class Options(TypedDict):
    price: Decimal
    count: NotRequired[int]


async def rest(*args: int, **kwargs: str) -> None: ...
async def positional(x: int, /, **kwargs: str) -> None: ...
async def unpacked(x: int, *, note: str = "", **kwargs: Unpack[Options]) -> None: ...


def forms_of(function: Any) -> ArgumentForms:
    return ArgumentForms(function.__name__, read_signature(function), Builder())


def test_a_name_that_a_parameter_cannot_take_belongs_to_kwargs() -> None:
    forms = forms_of(rest)
    assert forms.encode((1,), {"args": "a", "kwargs": "b"}) == ((1,), {"args": "a", "kwargs": "b"})
    with pytest.raises(ArgumentsError, match="argument 'args' of rest: expected str, got int 7"):
        forms.encode((1,), {"args": 7})
    forms = forms_of(positional)
    assert forms.encode((1,), {"x": "a"}) == ((1,), {"x": "a"})
    with pytest.raises(ArgumentsError, match="argument 'x' of positional: expected str, got int 7"):
        forms.encode((1,), {"x": 7})


def test_a_typed_dict_says_what_is_passed_by_name() -> None:
    forms = forms_of(unpacked)
    given = {"price": Decimal("1.10"), "note": "a"}
    args, plain = forms.encode((1,), given)
    assert plain == {"price": "1.10", "note": "a"}
    assert forms.decode(args, plain) == ((1,), given)


@pytest.mark.parametrize(
    ("kwargs", "reason"),
    [
        ({"price": 1.5}, r"the keyword arguments\['price'\] of unpacked: expected Decimal, got float 1.5"),
        ({"price": Decimal(1), "count": "a"}, r"\['count'\] of unpacked: expected int, got str 'a'"),
        ({"price": Decimal(1), "other": 1}, "which does not have the key 'other'"),
        ({}, "its key 'price' is missing"),
    ],
    ids=["type", "optional", "unknown", "missing"],
)
def test_what_a_typed_dict_does_not_say_is_refused(kwargs: dict[str, Any], reason: str) -> None:
    forms = forms_of(unpacked)
    assert not forms.is_free((1,))
    assert not forms.are_free([(1,)])
    with pytest.raises(ArgumentsError, match=reason):
        forms.encode((1,), kwargs)
    if kwargs.keys() != {"price", "other"}:  # which a newer producer may send
        with pytest.raises(ArgumentsError):
            forms.decode((1,), kwargs)
