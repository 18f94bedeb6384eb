"""Exceptions as values, which arrive unchanged or are refused; and type parameters, which are what limits them."""

from __future__ import annotations

from typing import Any, TypeVar

import pytest

from monarq import ArgumentsError, JobFailedError, ResultTypeError, job
from monarq.shared.conversion.carried import CarriedBuilder
from monarq.shared.conversion.mismatch import MismatchError
from monarq.testing import run_inline

Bound = TypeVar("Bound", bound=int)
Limited = TypeVar("Limited", int, str)


class RefusedError(Exception):
    """Its constructor does not take what it keeps as arguments."""

    def __init__(self, code: int, *, detail: Any = None) -> None:
        super().__init__(f"code {code}")
        self.code = code
        self.detail = detail


@job
async def pass_on(error: Exception) -> Exception:
    return error


@job
async def spoil() -> Exception:
    return RefusedError(1, detail={2})


@job
async def take_bound(value: Bound) -> Bound:
    return value


@job
async def take_limited(value: Limited) -> Limited:
    return value


async def test_an_exception_arrives_with_its_attributes() -> None:
    came = await run_inline(pass_on, RefusedError(3, detail={"a": [1]}))
    assert isinstance(came, RefusedError)
    assert (came.args, came.code, came.detail) == (("code 3",), 3, {"a": [1]})
    failed = await run_inline(pass_on, JobFailedError("shop.Gone: no", "shop.Gone", "a traceback"))
    assert isinstance(failed, JobFailedError)


async def test_an_exception_that_would_lose_its_attributes_is_refused() -> None:
    told = "this RefusedError would arrive as a JobFailedError: give it attributes and arguments that are plain"
    with pytest.raises(ArgumentsError, match=f"argument 'error' of .*pass_on: {told}"):
        await run_inline(pass_on, RefusedError(3, detail=object()))
    with pytest.raises(ResultTypeError, match=told):
        await run_inline(spoil)


async def test_a_type_parameter_is_what_limits_it() -> None:
    assert [await run_inline(take_limited, value) for value in (1, "a")] == [1, "a"]
    anything: Any = 1.5
    for taking in (take_bound, take_limited):
        with pytest.raises(ArgumentsError, match="argument 'value'"):
            await run_inline(taking, anything)
    for parameter in (Bound, Limited):
        form = CarriedBuilder().form(parameter)
        assert form.encode(1) == 1
        with pytest.raises(MismatchError):
            form.encode(1.5)
