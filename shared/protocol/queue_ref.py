"""What names a queue: its name, and the format of its data in Redis."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, get_args

Format = Literal["native", "arq"]

FORMATS: Final[tuple[Format, ...]] = get_args(Format)

DEFAULT_FORMAT: Final[Format] = "arq"
"""The format of a queue that is given by its name alone."""

DEFAULT_QUEUE: Final = "arq:queue"
"""The queue of whoever names none."""


class QueueRef(NamedTuple):
    """A queue. Two queues of one name and different formats have nothing in common.

    Attributes:
        name: its name.
        format: "native", or "arq" for queues that arq's clients and workers use too.
    """

    name: str
    format: Format

    def __str__(self) -> str:
        return self.name
