"""The types of one job's arguments and result. Nothing is imported or built for them until they are first used."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from monarq.shared.errors import DeclarationError

if TYPE_CHECKING:
    from monarq.shared.calls.arguments import ArgumentForms, FormBuilder
    from monarq.shared.calls.result_form import ResultForm
    from monarq.shared.calls.signature import CallSignature


class JobTypes:
    """How the arguments and the result of one job are encoded and decoded.

    Where a format carries the values themselves, as pickle does, they are only checked. Each part is made once, when it
    is first used, and raises a DeclarationError if an annotated class cannot be rebuilt.

    Args:
        name: the job's name.
        signature: what it takes and returns.
    """

    def __init__(self, name: str, signature: CallSignature) -> None:
        self._name = name
        self._signature = signature

    @cached_property
    def arguments(self) -> ArgumentForms:
        """Its arguments."""
        return self._arguments(_builder())

    @cached_property
    def carried_arguments(self) -> ArgumentForms:
        """Its arguments, for formats that carry the values themselves."""
        return self._arguments(_carried_builder())

    @cached_property
    def result(self) -> ResultForm:
        """Its result."""
        return self._result(_builder())

    @cached_property
    def carried_result(self) -> ResultForm:
        """Its result, for formats that carry the values themselves."""
        return self._result(_carried_builder())

    def _arguments(self, builder: FormBuilder) -> ArgumentForms:
        from monarq.shared.calls.arguments import ArgumentForms

        return ArgumentForms(self._name, self._signature, builder)

    def _result(self, builder: FormBuilder) -> ResultForm:
        from monarq.shared.calls.result_form import ResultForm

        hint = self._signature.returned_hint()
        try:
            return ResultForm(self._name, builder.form(hint))
        except NameError as error:
            raise DeclarationError(
                f"the result of {self._name or 'the job'} cannot be rebuilt as {hint!r}, because {error}: import"
                " that where the class is defined, not for type checkers only"
            ) from error


def types_by_hand(kind: Any) -> JobTypes | None:
    """The types of a job for which the caller gives the type of the result; None for Any.

    Raises:
        DeclarationError: a result of this type cannot be rebuilt.
    """
    if kind is Any:
        return None
    from monarq.shared.calls.signature import CallSignature

    types = JobTypes("", CallSignature(returns=kind))
    _ = types.result
    return types


def _builder() -> FormBuilder:
    from monarq.shared.conversion.builder import Builder

    return Builder()


def _carried_builder() -> FormBuilder:
    from monarq.shared.conversion.carried import CarriedBuilder

    return CarriedBuilder()
