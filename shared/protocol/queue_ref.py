"""What names a queue: its name, and the format of its data in Redis."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, get_args

Format = Literal["native", "arq"]

FORMATS: Final[tuple[Format, ...]] = get_args(Format)

DEFAULT_FORMAT: Final[Format] = "native"
"""The format of a queue that is given by its name alone."""

DEFAULT_QUEUE: Final = "default"
"""The name of the queue of whoever names none; it is in `DEFAULT_FORMAT`."""

ARQ_PREFIX: Final = "arq:"
"""What the names of arq's own keys begin with, that of its default queue among them."""


class QueueRef(NamedTuple):
    """A queue. Two queues of one name and different formats have nothing in common.

    Attributes:
        name: its name.
        format: "native", or "arq" for queues that arq's clients and workers use too.
    """

    name: str
    format: Format

    @property
    def label(self) -> str:
        """The queue for people: its name, and its format in brackets where that is not the `suggested_format`.

        So no two queues share a label, and that of a queue never changes.
        """
        return self.name if self.format == suggested_format(self.name) else f"{self.name} ({self.format})"

    def __str__(self) -> str:
        return self.label


def suggested_format(name: str) -> Format:
    """The format of which people take a queue to be that they see the name of, and nothing else."""
    return "arq" if name.startswith(ARQ_PREFIX) else DEFAULT_FORMAT


ARQ_DEFAULT_QUEUE: Final = QueueRef("arq:queue", "arq")
"""The queue of arq's clients and workers that name none."""

DEFAULT_QUEUES: Final = (QueueRef(DEFAULT_QUEUE, DEFAULT_FORMAT), ARQ_DEFAULT_QUEUE)
"""The default queue, and that of arq's clients and workers."""
