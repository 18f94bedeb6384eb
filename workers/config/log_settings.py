"""Log settings of a process: verbosity and format, or the user's own dict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LEVELS: Final = {-1: "WARNING", 0: "INFO", 1: "DEBUG"}
FORMATS: Final = ("text", "json")


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How a process logs.

    Attributes:
        verbosity: 0 is the default, 1 logs every job, -1 only warnings.
        format: "text" or "json".
        custom: the dotted path of a dict for `logging.config.dictConfig`, which replaces the other two; arq's
            --custom-log-dict.
    """

    verbosity: int = 0
    format: str = "text"
    custom: str | None = None

    @property
    def level(self) -> str:
        """The level of monarq's own loggers."""
        return LEVELS[max(-1, min(1, self.verbosity))]
