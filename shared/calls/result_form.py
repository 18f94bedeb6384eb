"""The result of one job: it is encoded, decoded and checked by the annotation of its return value."""

from __future__ import annotations

from typing import Any

from monarq.shared.conversion.form import Form
from monarq.shared.conversion.mismatch import TOO_DEEP, MismatchError
from monarq.shared.errors import ResultTypeError
from monarq.shared.interrupts import is_ctrl_c
from monarq.shared.text.error_text import error_text


class ResultForm:
    """Converts the results of one job.

    Args:
        name: the job's name; '' if it is unknown.
        form: the form of its return value.

    Attributes:
        free: the types of valid results that need no conversion (integers only if they fit into msgpack).
    """

    __slots__ = ("_form", "_name", "free")

    def __init__(self, name: str, form: Form) -> None:
        self._name = name
        self._form = form
        self.free = form.free

    def encode(self, value: Any) -> Any:
        """The job's return value as a plain value.

        Raises:
            ResultTypeError: it does not match the annotation, would come back as another type, or its own code raised
                an exception.
        """
        try:
            return self._form.encode(value)
        except ResultTypeError:
            raise
        except MismatchError as error:
            raise ResultTypeError(f"the result{error.path} of {self._name}: {error.reason}") from error.__cause__
        except RecursionError:
            raise ResultTypeError(f"the result of {self._name}: {TOO_DEEP}") from None
        except BaseException as error:
            if is_ctrl_c(error):
                raise
            raise ResultTypeError(f"the result of {self._name} cannot be written: {error_text(error)}") from error

    def decode(self, plain: Any) -> Any:
        """The job's return value, converted to the annotated type.

        Raises:
            ResultTypeError: the plain value cannot be converted to that type.
        """
        try:
            return self._form.decode(plain)
        except MismatchError as error:
            of_job = f" of {self._name}" if self._name else ""
            raise ResultTypeError(
                f"the result{error.path}{of_job} does not match the annotation here: {error.reason}"
            ) from error.__cause__
        except RecursionError:
            of_job = f" of {self._name}" if self._name else ""
            raise ResultTypeError(f"the result{of_job} cannot be read: {TOO_DEEP}") from None
