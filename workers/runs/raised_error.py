"""An exception raised in the cpu lane's process, described by its classes there.

It may arrive in the worker as another exception or as a stand-in; the outcome of the run is nevertheless the same as in
the other lanes. This module imports almost nothing, because it delays the child's start.
"""

from __future__ import annotations

from typing import NamedTuple

from monarq.shared.text.class_name import full_name


class RaisedError(NamedTuple):
    """An exception that a job raised in another process.

    Attributes:
        classes: its class and all bases, by module and qualified name; then those classes of the job's ``retry_on`` and
            ``give_up_on`` that it is an instance of without deriving from them, as with an abstract class's
            ``register``.
        defer_ms: the ms until the next try that a `Retry` asks for; None if it does not specify a time.
    """

    classes: tuple[str, ...]
    defer_ms: int | None

    @classmethod
    def of(cls, error: BaseException, retry_on: tuple[type[BaseException], ...] = ()) -> RaisedError:
        """Describes an exception."""
        kinds = (*type(error).__mro__, *(kind for kind in retry_on if isinstance(error, kind)))
        return cls(tuple(map(full_name, kinds)), retry_delay_ms(error))

    def arrived_as(self, error: BaseException) -> bool:
        """Whether the exception that arrived is of the same class."""
        return full_name(type(error)) == self.classes[0]

    def is_a(self, kinds: tuple[type[BaseException], ...]) -> bool:
        """Whether it is an instance of one of these classes."""
        return not {full_name(kind) for kind in kinds}.isdisjoint(self.classes)


def retry_delay_ms(error: BaseException) -> int | None:
    """The ms until the next try that a `Retry` asks for; None if it does not specify a time."""
    try:
        defer_ms = getattr(error, "defer_score", None)
    except Exception:  # noqa: BLE001 - a user's property may raise anything
        return None
    return defer_ms if isinstance(defer_ms, int) else None
