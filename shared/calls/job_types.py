"""The types of one job's arguments and result. Nothing is imported or built for them until they are first used."""

from __future__ import annotations

import contextlib
from functools import cached_property
from typing import TYPE_CHECKING, Any

from monarq.shared.calls.type_hints import import_names
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

    def load_types(self) -> None:
        """Imports the annotated classes that the job's module imports for type checkers only, as far as installed.

        Raises:
            DeclarationError: such an import fails.
        """
        owner = self._signature.owner
        if owner is None:
            return
        annotations = {f"argument {each.name!r}": each.annotation for each in self._signature.described}
        for what, annotation in (annotations | {"the result": self._signature.returns}).items():
            try:
                were_missing = import_names(annotation, owner)
            except Exception as error:
                raise DeclarationError(
                    f"{what} of {self._name} is annotated as {annotation}, which is imported under TYPE_CHECKING only,"
                    f" and importing it fails with {type(error).__name__}: {error}: import it outside of TYPE_CHECKING"
                ) from error
            if were_missing:
                for part in ("arguments", "carried_arguments", "result", "carried_result"):
                    vars(self).pop(part, None)  # made without these classes

    def _arguments(self, builder: FormBuilder) -> ArgumentForms:
        from monarq.shared.calls.arguments import ArgumentForms

        return ArgumentForms(self._name, self._signature, builder)

    def _result(self, builder: FormBuilder) -> ResultForm:
        from monarq.shared.calls.result_form import ResultForm

        if self._signature.owner is not None:
            # A program without the class gets the plain value; workers report such errors when they start.
            with contextlib.suppress(Exception):
                import_names(self._signature.returns, self._signature.owner)
        hint = self._signature.returned_hint()
        try:
            return ResultForm(self._name, builder.form(hint))
        except DeclarationError as error:
            raise DeclarationError(f"the result of {self._name or 'the job'}: {error}") from None
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
