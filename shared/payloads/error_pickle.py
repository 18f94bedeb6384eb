"""Pickling of exceptions: in their own way if the result can be loaded again, else without their ``__init__``."""

from __future__ import annotations

import copyreg
import io
import pickle
from collections.abc import Iterator
from typing import Any

from monarq.shared.payloads.error_equality import error_attributes, errors_equal
from monarq.shared.text.error_text import is_larger, max_error_text


def pickle_error(error: BaseException, protocol: int) -> bytes | None:
    """A pickle that was checked to load as an equal exception; None if there is none or it would be large."""
    if is_large(error):
        return None
    for pickled in pickles_of(error, protocol):
        if _loads_as(pickled, error):
            return pickled
    return None


def is_large(error: BaseException) -> bool:
    """Whether an exception contains more than error texts may; it is then sent as text."""
    return is_larger((error, error_attributes(error)), max_error_text())


def pickles_of(value: object, protocol: int | None = None) -> Iterator[bytes]:
    """Pickles of a value with exceptions in it, the usual one first. There may be none, and they may fail to load.

    The second one is for classes whose ``__init__`` does not take the exception's ``args``, or changes them, as pickle
    would call it with those. It loads everywhere, as it uses only the class itself.
    """
    for pickler_of in (pickle.Pickler, _WithoutInit):
        out = io.BytesIO()
        try:
            pickler_of(out, protocol).dump(value)
        except BaseException:  # noqa: BLE001, S112 - pickling runs the user's code, which may raise anything
            continue
        yield out.getvalue()


class _WithoutInit(pickle.Pickler):
    def reducer_override(self, value: object) -> Any:
        if not isinstance(value, Exception) or isinstance(value, ExceptionGroup):
            return NotImplemented  # a group is built from its members, which may need this
        # An OSError whose class has an ``__init__`` keeps none of its arguments.
        state = {"args": value.args, **error_attributes(value)}
        return copyreg.__newobj__, (type(value), *value.args), state  # type: ignore[attr-defined]


def _loads_as(pickled: bytes, error: BaseException) -> bool:
    try:
        return errors_equal(error, pickle.loads(pickled))  # noqa: S301 - pickled just now, by ourselves
    except BaseException:  # noqa: BLE001 - unpickling runs the user's code, which may raise anything
        return False
