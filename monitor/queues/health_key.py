"""arq's health check: the line of text that arq workers write to a key of the queue, parsed into numbers.

arq 0.28 writes it, and so do monarq's workers with arq's settings. It is all that is known about the jobs of stock arq
workers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_NUMBER: Final = re.compile(r"\b(j_complete|j_failed|j_retried|j_ongoing|queued)=(\d{1,18})\b")


@dataclass(frozen=True, slots=True)
class ArqHealth:
    """The numbers of the line, with arq's names; they count since that worker started.

    Attributes:
        j_complete: jobs that succeeded.
        j_failed: jobs that failed.
        j_retried: runs that led to another try.
        j_ongoing: jobs that it was running.
        queued: members of the queue, including deferred and running ones.
    """

    j_complete: int = 0
    j_failed: int = 0
    j_retried: int = 0
    j_ongoing: int = 0
    queued: int = 0


def parse_health_check(line: str | None) -> ArqHealth | None:
    """The numbers of a health check; None if there is no line, or it is not arq's."""
    numbers = {name: int(value) for name, value in _NUMBER.findall(line or "")}
    return ArqHealth(**numbers) if numbers else None
