"""Forms of types of pydantic and numpy, used only if the program has imported these packages."""

from __future__ import annotations

import sys
from typing import Any

from monarq.shared.conversion.form import PLAIN_KINDS, Form
from monarq.shared.conversion.mismatch import MismatchError, derived_advice, refuse
from monarq.shared.conversion.plain import check_plain
from monarq.shared.conversion.sameness import check_same
from monarq.shared.text.error_text import error_text


def library_form(kind: type) -> Form | None:
    """The form of a pydantic or numpy class; None for others."""
    pydantic, numpy = sys.modules.get("pydantic"), sys.modules.get("numpy")
    if pydantic is not None and hasattr(pydantic, "TypeAdapter") and issubclass(kind, pydantic.BaseModel):
        return _model_form(kind)
    if numpy is not None and hasattr(numpy, "generic") and issubclass(kind, numpy.generic):
        return _numpy_form(kind)
    return None


def _model_form(kind: Any) -> Form:
    """The form of a pydantic model: its JSON dump, which is validated again.

    A model that would not come back the same is refused, because of secrets, excluded or private attributes, or
    validators that change values.
    """
    name = kind.__qualname__

    def encode(value: Any) -> Any:
        if type(value) is not kind:
            refuse(name, value, derived_advice(value, kind))
        try:
            plain = value.model_dump(mode="json", by_alias=True, round_trip=True, warnings="error")
        except Exception as error:
            raise MismatchError(f"{name} cannot be dumped as JSON: {error_text(error)}") from error
        check_same(name, value, check_plain(plain), decode)
        return plain

    def decode(plain: Any) -> Any:
        import pydantic_core

        try:
            # In JSON mode a strict model accepts text for a date, and a list for a set.
            return kind.model_validate_json(pydantic_core.to_json(plain, inf_nan_mode="constants"))
        except Exception as error:
            raise MismatchError(f"{name} does not validate it: {error_text(error)}") from error

    return Form(name, encode, decode, PLAIN_KINDS, frozenset({kind}))


def _numpy_form(kind: Any) -> Form | None:
    """The form of a numpy scalar: its number, text or bytes; a datetime64 as text.

    It is None for abstract classes, such as `numpy.integer`, and for timedelta64, which has units.
    """
    import numpy as np

    plains = _plain_kinds(kind, np)
    if not plains:
        return None
    name = f"numpy.{kind.__name__}"
    is_complex, in_text = issubclass(kind, np.complexfloating), issubclass(kind, np.datetime64)

    def encode(value: Any) -> Any:
        if type(value) is not kind:
            refuse(name, value)
        plain: Any = str(value) if in_text else value.item()
        plain = [plain.real, plain.imag] if is_complex else plain
        back = decode(plain)
        if back.dtype != value.dtype or back.tobytes() != value.tobytes():
            raise MismatchError(f"this {name} would come back as another value: pass it as text")
        return plain

    def decode(plain: Any) -> Any:
        if type(plain) not in plains:
            refuse(name, plain)
        try:
            with np.errstate(all="ignore"):
                return kind(complex(*plain)) if is_complex else kind(plain)
        except (TypeError, ValueError, OverflowError) as error:
            raise MismatchError(f"expected {name}: {error_text(error)}") from error

    return Form(name, encode, decode, plains, frozenset({kind}))


def _plain_kinds(kind: Any, numpy: Any) -> frozenset[type]:
    """The types of the plain values of a scalar type; empty if its values cannot be sent."""
    table: list[tuple[Any, set[type]]] = [
        (numpy.bool_, {bool}),
        (numpy.timedelta64, set()),
        (numpy.integer, {int}),
        (numpy.complexfloating, {list}),
        (numpy.floating, {float, int}),
        (numpy.str_, {str}),
        (numpy.bytes_, {bytes}),
        (numpy.datetime64, {str}),
    ]
    plains = next((plains for base, plains in table if issubclass(kind, base)), set[type]())
    is_single = not kind.__subclasses__()  # abstract classes such as numpy.integer have subclasses but no instances
    return frozenset(plains) if is_single else frozenset()
