"""The result of one job: how it travels by the annotation of what the job returns, and back."""

from __future__ import annotations

from typing import Any

from monarq.shared.conversion.form import Form
from monarq.shared.conversion.mismatch import TOO_DEEP, MismatchError
from monarq.shared.errors import ResultTypeError


class ResultForm:
    """Converts the results of one job.

    Args:
        name: the job's name; '' where it is not known.
        form: the form of what it returns.

    Attributes:
        free: the types of results that are right and travel as they are; of integers, those that msgpack holds.
    """

    __slots__ = ("_form", "_name", "free")

    def __init__(self, name: str, form: Form) -> None:
        self._name = name
        self._form = form
        self.free = form.free

    def encode(self, value: Any) -> Any:
        """What the job returned, as a plain value.

        Raises:
            ResultTypeError: it is not what the annotation says, or would come back as something else.
            BaseException: what the user's classes raise that is no Exception.
        """
        try:
            return self._form.encode(value)
        except MismatchError as error:
            raise ResultTypeError(f"the result{error.path} of {self._name}: {error.reason}") from error.__cause__
        except RecursionError:
            raise ResultTypeError(f"the result of {self._name}: {TOO_DEEP}") from None

    def decode(self, plain: Any) -> Any:
        """What the job returned, of the type that the annotation says.

        Raises:
            ResultTypeError: the plain value is none of that type.
        """
        try:
            return self._form.decode(plain)
        except MismatchError as error:
            of_job = f" of {self._name}" if self._name else ""
            raise ResultTypeError(
                f"the result{error.path}{of_job} is not what is annotated here: {error.reason}"
            ) from error.__cause__
        except RecursionError:
            of_job = f" of {self._name}" if self._name else ""
            raise ResultTypeError(f"the result{of_job} cannot be read: {TOO_DEEP}") from None
