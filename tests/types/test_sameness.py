"""Values of classes that would make others of them on the way are refused, with the field that would differ."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, Self
from uuid import UUID

import attrs
import msgspec
import pydantic
import pytest

from monarq.shared.calls.arguments import ArgumentForms
from monarq.shared.calls.result_form import ResultForm
from monarq.shared.calls.signature import read_signature
from monarq.shared.conversion.builder import Builder
from monarq.shared.conversion.constructors import may_change
from monarq.shared.conversion.mismatch import MismatchError
from monarq.shared.errors import ArgumentsError, ResultTypeError


class Base(pydantic.BaseModel):
    a: int = 1


class Child(Base):
    b: int = 2


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    secret: pydantic.SecretStr | None = None
    hidden: int = pydantic.Field(3, exclude=True)
    bases: list[Base] = []
    anything: Any = None
    inside: dict[str, Base] = {}
    number: float = 1
    _private: int = pydantic.PrivateAttr(1)


class TwoNames(pydantic.BaseModel):
    a: int = pydantic.Field(0, validation_alias="in_a", serialization_alias="out_a")


class NeedsName(pydantic.BaseModel):
    a: int = pydantic.Field(validation_alias="in_a", serialization_alias="out_a")


class Doubles(pydantic.BaseModel):
    p: int

    @pydantic.field_validator("p")
    @classmethod
    def double(cls, value: int) -> int:
        return value * 2


@dataclass
class DoublesAfter:
    p: int

    def __post_init__(self) -> None:
        self.p *= 2


@dataclass
class WithInitVar:
    p: int
    i: InitVar[int] = 5
    q: int = field(init=False, default=0)

    def __post_init__(self, i: int) -> None:
        self.q = i


@dataclass(init=False)
class OwnInit:
    a: int

    def __init__(self, raw: str) -> None:
        self.a = int(raw)


@attrs.define
class Converted:
    a: int = attrs.field(converter=lambda value: int(value) * 2)


@attrs.define
class Same:
    a: int = attrs.field(converter=int)


@dataclass
class Checks:
    a: float

    def __post_init__(self) -> None:
        self.a = abs(self.a)


class Pair(NamedTuple):
    p: int
    q: float = 0.0


class DoublesNew(Pair):
    def __new__(cls, p: int, q: float = 0.0) -> Self:
        return super().__new__(cls, p * 2, q)


class SameNew(Pair):
    def __new__(cls, p: int, q: float = 0.0) -> Self:
        return super().__new__(cls, abs(p), q)


@dataclass
class DoublesSet:
    p: int

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value * 2)


@dataclass
class DoublesGet:
    p: int

    def __getattribute__(self, name: str) -> Any:
        value = object.__getattribute__(self, name)
        return value * 2 if name == "p" else value


class Doubling:
    def __get__(self, instance: Any, owner: Any = None) -> int:
        return 7 if instance is None else int(vars(instance)["p"])

    def __set__(self, instance: Any, value: int) -> None:
        vars(instance)["p"] = value * 2


@dataclass
class WithDescriptor:
    p: int = Doubling()  # type: ignore[assignment]


class DoublingType(type):
    def __call__(cls, p: int) -> Any:
        return super().__call__(p * 2)


@dataclass
class OfDoublingType(metaclass=DoublingType):
    p: int


@dataclass(frozen=True, slots=True)
class Frozen:
    p: int = 1


@attrs.frozen
class AttrsFrozen:
    p: int = attrs.field(validator=attrs.validators.instance_of(int))


@attrs.define
class AttrsValidated:
    p: int = attrs.field(validator=attrs.validators.instance_of(int))


class Struct(msgspec.Struct, frozen=True):
    p: int = 1


def private() -> Model:
    model = Model()
    model._private = 7
    return model


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (Model(secret=pydantic.SecretStr("x")), ".secret"),
        (Model(hidden=99), ".hidden"),
        (private(), "._private"),
        (Model(bases=[Base(), Child(b=5)]), ".bases[1]"),
        (Model(inside={"x": Child()}), ".inside['x']"),
        (Model(anything=(1, 2)), ".anything"),
        (Model(anything=[{1}]), ".anything[0]"),
        (Model(anything={"a": Decimal("1.1")}), ".anything['a']"),
        (Model.model_validate({"z": date(2026, 1, 1)}), ".z"),
        (TwoNames.model_validate({"in_a": 1}), ".a"),
        (Doubles(p=1), ".p"),
        (DoublesAfter(1), ".p"),
        (WithInitVar(1, 9), ".q"),
        (Converted(1), ".a"),
        (DoublesNew(1), "[0]"),
        (DoublesSet(1), ".p"),
        (DoublesGet(1), ".p"),
        (WithDescriptor(1), ".p"),
        (OfDoublingType(1), ".p"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_would_come_back_as_another_value_is_refused(value: Any, path: str) -> None:
    form = Builder().form(type(value))
    with pytest.raises(MismatchError, match="would come back as another value: call") as caught:
        form.encode(value)
    assert caught.value.path == path


@pytest.mark.parametrize("value", [NeedsName.model_validate({"in_a": 1}), OwnInit("3")], ids=["pydantic", "dataclass"])
def test_what_could_not_be_made_again_is_refused(value: Any) -> None:
    with pytest.raises(MismatchError, match="would not come back"):
        Builder().form(type(value)).encode(value)


@pytest.mark.parametrize(
    "value",
    [
        Model(bases=[Base(a=3)], anything=[1, {"a": None}], number=float("nan")),
        Model(),
        WithInitVar(1),
        Same("3"),  # type: ignore[arg-type]
        Checks(-2.0),
        DoublesAfter(0),
        SameNew(-1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_comes_back_as_it_is_passes(value: Any) -> None:
    form = Builder().form(type(value))
    assert repr(form.decode(form.encode(value))) == repr(value).replace("number=1)", "number=1.0)")


def test_arguments_and_results_are_refused_with_the_field() -> None:
    async def quote(at: UUID | None, model: Model | Path) -> None: ...

    forms = ArgumentForms("quote", read_signature(quote), Builder())
    with pytest.raises(ArgumentsError, match=r"argument 'model'\.hidden of quote: this would come back as another"):
        forms.encode((None, Model(hidden=99)), {})
    with pytest.raises(ResultTypeError, match=r"the result\.hidden of quote: this would come back as another"):
        ResultForm("quote", Builder().form(Model)).encode(Model(hidden=99))


@pytest.mark.parametrize("kind", [Pair, Frozen, AttrsFrozen, AttrsValidated, Struct], ids=lambda kind: kind.__name__)
def test_what_python_and_the_libraries_generate_is_known_to_keep_values(kind: Any) -> None:
    assert not may_change(kind, ["p"])  # so that values of these are not made twice
