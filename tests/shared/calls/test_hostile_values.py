"""Values that are too deep, hold themselves, or are of another class of the same name: errors say so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from monarq.shared.calls.arguments import ArgumentForms
from monarq.shared.calls.result_form import ResultForm
from monarq.shared.calls.signature import read_signature
from monarq.shared.conversion.builder import Builder
from monarq.shared.errors import ArgumentsError, ResultTypeError


@dataclass
class Tree:
    children: list[Tree] = field(default_factory=list)


async def plain(value: Any) -> None: ...
async def grow(value: Tree | None) -> None: ...
async def switch(value: bool) -> None: ...


def forms_of(function: Any) -> ArgumentForms:
    return ArgumentForms(function.__name__, read_signature(function), Builder())


def deep_tree() -> Tree:
    tree = Tree()
    for _ in range(2_000):
        tree = Tree([tree])
    return tree


def deep_dict() -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(2_000):
        value = {"a": value}
    return value


def cycle() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("function", "value"),
    [(plain, deep_dict()), (plain, cycle()), (grow, deep_tree())],
    ids=["dicts", "cycle", "records"],
)
def test_what_is_too_deep_is_refused_with_the_reason(function: Any, value: Any) -> None:
    reason = f"argument 'value' of {function.__name__}: it is nested too deeply"
    forms = forms_of(function)
    with pytest.raises(ArgumentsError, match=reason):
        forms.encode((value,), {})
    with pytest.raises(ArgumentsError, match=reason):
        forms.encode_what_fits((value,), {})
    result = ResultForm("f", Builder().form(Tree if function is grow else Any))
    with pytest.raises(ResultTypeError, match="the result of f: it is nested too deeply"):
        result.encode(value)


def test_a_payload_that_is_too_deep_is_refused_with_the_reason() -> None:
    payload: dict[str, Any] = {"children": []}
    for _ in range(2_000):
        payload = {"children": [payload]}
    with pytest.raises(ArgumentsError, match="argument 'value' of grow: it is nested too deeply"):
        forms_of(grow).decode((payload,), {})
    with pytest.raises(ResultTypeError, match="the result of f cannot be read: it is nested too deeply"):
        ResultForm("f", Builder().form(Tree)).decode(payload)


def test_a_class_of_the_same_name_is_shown_with_its_module() -> None:
    kind = type(np.bool_(True))
    with pytest.raises(ArgumentsError) as caught:
        forms_of(switch).encode((np.bool_(True),), {})
    shown = f"numpy.{kind.__qualname__}" if kind.__qualname__ == "bool" else kind.__qualname__
    assert str(caught.value) == f"argument 'value' of switch: expected bool, got {shown}"
