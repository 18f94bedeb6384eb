"""The advice for a value that cannot be sent as it is leads to one that can."""

from __future__ import annotations

import asyncio
import collections
import functools
import re
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import pydantic
import pytest

from monarq.shared.conversion.builder import Builder
from monarq.shared.conversion.mismatch import MismatchError
from monarq.shared.jobs.decorators import job


class Plain:
    """Nothing is known of how it travels."""


class OwnDict(dict[str, int]): ...


class OwnText(str): ...


class OwnDecimal(Decimal): ...


@dataclass
class Point:
    x: int


class Model(pydantic.BaseModel):
    x: int


class Pair(NamedTuple):
    first: int


def function() -> None: ...


@job(name="advice.declared")
async def declared() -> None: ...


def numbers() -> Iterator[int]:
    yield 1


def advice_for(hint: Any, value: Any) -> str:
    with pytest.raises(MismatchError) as caught:
        Builder().form(hint).encode(value)
    return str(caught.value)


@pytest.mark.parametrize(
    "value",
    [Point(1), Model(x=1), Pair(1), np.float32(1), Path("a"), PurePosixPath("a"), Decimal(1), 1j, ValueError("no")],
    ids=lambda value: type(value).__name__,
)
def test_where_an_annotation_is_advised_it_helps(value: Any) -> None:
    name = type(value).__qualname__
    assert f"annotate it as {name}" in advice_for(Any, value)
    form = Builder().form(type(value))
    assert repr(form.decode(form.encode(value))) == repr(value)


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        (lambda: 1, "a function cannot be sent: pass its name"),
        (function, "a function cannot be sent: pass its name"),
        (print, "a function cannot be sent: pass its name"),
        ("".join, "a function cannot be sent: pass its name"),
        (functools.partial(print), "a function cannot be sent: pass its name"),
        (declared, "a function cannot be sent: pass its name"),
        (Plain, "a class cannot be sent: pass its name"),
        (sys, "a module cannot be sent: pass its name"),
        (sys.stdout, "an open file cannot be sent: pass its path or its contents"),
        (numbers(), "pass a list of its items"),
        ({}.keys(), "pass a list of its items"),
        (range(3), "pass a list"),
        (memoryview(b"a"), "pass bytes"),
        (asyncio.Queue.join, "a function cannot be sent"),
    ],
    ids=range(14),
)
def test_what_no_annotation_helps_to_send_is_called_so(value: Any, advice: str) -> None:
    assert advice in advice_for(Any, value)
    assert "annotate" not in advice_for(Any, value)


async def test_what_is_to_be_awaited_is_awaited_first() -> None:
    waited = asyncio.sleep(0)
    assert "await it first" in advice_for(Any, waited)
    await waited


def test_an_annotated_file_or_function_is_not_registered_either(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        assert advice_for(type(file), file) == "an open file cannot be sent: pass its path or its contents"
    assert advice_for(Callable[[], None], function).startswith("a function cannot be sent: pass its name")
    assert advice_for(type(function), function).startswith("a function cannot be sent: pass its name")


@pytest.mark.parametrize(
    "value", [Plain(), OwnDecimal(1), re.compile("a"), threading.Lock()], ids=lambda value: type(value).__name__
)
def test_an_object_is_to_be_a_dataclass_or_registered(value: Any) -> None:
    name = type(value).__qualname__
    assert f"make {name} a dataclass or call monarq.register_type({name}, " in advice_for(Any, value)
    annotated = advice_for(type(value), value)
    assert annotated.startswith(f"values of {name} cannot be sent unless you call monarq.register_type({name}, ")
    assert advice_for(type(value), 5).startswith(f"expected {name}, got int 5; values of {name} cannot")


@pytest.mark.parametrize(
    ("value", "base"), [(OwnDict(), "dict"), (OwnText(), "str"), (collections.Counter(), "dict")], ids=repr
)
def test_a_subclass_of_a_plain_type_is_to_be_passed_as_that(value: Any, base: str) -> None:
    name = type(value).__qualname__
    assert re.fullmatch(f"an? {name} would come back as a {base}: pass a {base}", advice_for(Any, value))
