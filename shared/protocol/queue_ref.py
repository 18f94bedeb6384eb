"""References to queues: a name, and the format of the data in Redis."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, get_args

Format = Literal["native", "arq"]

FORMATS: Final[tuple[Format, ...]] = get_args(Format)

DEFAULT_FORMAT: Final[Format] = "native"
"""The format of a queue that is given by name only."""

DEFAULT_QUEUE: Final = "default"
"""The name of the queue to use if none is given; it is in `DEFAULT_FORMAT`."""

ARQ_PREFIX: Final = "arq:"
"""The prefix of arq's own keys, including its default queue."""


class QueueRef(NamedTuple):
    """A queue. Two queues with the same name and different formats are unrelated.

    Attributes:
        name: its name.
        format: "native", or "arq" for queues that are shared with arq's clients and workers.
    """

    name: str
    format: Format

    @property
    def label(self) -> str:
        """The queue for display: its name, and its format in brackets if that is not the `suggested_format`.

        No two queues share a label, and a queue's label never changes.
        """
        return self.name if self.format == suggested_format(self.name) else f"{self.name} ({self.format})"

    def __str__(self) -> str:
        return self.label


def suggested_format(name: str) -> Format:
    """The format that a queue's name alone suggests to readers."""
    return "arq" if name.startswith(ARQ_PREFIX) else DEFAULT_FORMAT


ARQ_DEFAULT_QUEUE: Final = QueueRef("arq:queue", "arq")
"""The default queue of arq's clients and workers."""

DEFAULT_QUEUES: Final = (QueueRef(DEFAULT_QUEUE, DEFAULT_FORMAT), ARQ_DEFAULT_QUEUE)
"""monarq's default queue, and that of arq's clients and workers."""
