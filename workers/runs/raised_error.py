"""What an exception is to whoever decides on a run: its classes, as they were where it was raised.

One that comes out of the cpu lane's process may arrive as another, or as a stand-in; the verdict is that of the other
lanes all the same. It imports next to nothing, because the child's start waits for it.
"""

from __future__ import annotations

from typing import NamedTuple

from monarq.shared.text.class_name import full_name


class RaisedError(NamedTuple):
    """An exception that a job raised in another process.

    Attributes:
        classes: its class and all that this derives from, by module and qualified name; then those of the job's
            ``retry_on`` that take it for theirs without being among them, as classes with ``register`` may.
        defer_ms: the ms until another try that a `Retry` carries; None where it carries none.
    """

    classes: tuple[str, ...]
    defer_ms: int | None

    @classmethod
    def of(cls, error: BaseException, retry_on: tuple[type[BaseException], ...] = ()) -> RaisedError:
        """What is to be known of an exception."""
        kinds = (*type(error).__mro__, *(kind for kind in retry_on if isinstance(error, kind)))
        return cls(tuple(map(full_name, kinds)), retry_delay_ms(error))

    def arrived_as(self, error: BaseException) -> bool:
        """Whether what arrived is of the same class."""
        return full_name(type(error)) == self.classes[0]

    def is_a(self, kinds: tuple[type[BaseException], ...]) -> bool:
        """Whether it is of one of these classes, or of one that derives from them."""
        return not {full_name(kind) for kind in kinds}.isdisjoint(self.classes)


def retry_delay_ms(error: BaseException) -> int | None:
    """The ms until another try that a `Retry` carries; None where it carries none."""
    try:
        defer_ms = getattr(error, "defer_score", None)
    except Exception:  # noqa: BLE001 - a user's property may raise anything
        return None
    return defer_ms if isinstance(defer_ms, int) else None
