"""monarq's loggers: what strangers wrote, ids, names and errors, can neither forge a line nor steer a terminal."""

from __future__ import annotations

import logging
from typing import Final

from monarq.shared.text.error_text import error_text, message_of
from monarq.shared.text.printable import printable, printable_lines
from monarq.shared.text.traceback_text import traceback_text


class MultilineText(str):
    """An argument of a log line that has lines of its own: they stay, set in below the first."""

    __slots__ = ()


class _Safe(logging.Filter):
    """On the logger and not on a handler, so that it holds for the user's own set-up of logging too."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter`."""
        if isinstance(record.args, tuple):
            record.args = tuple(map(_shown, record.args))
        error = record.exc_info and record.exc_info[1]
        if error and not record.exc_text:
            # Formatters take this text where there is one, instead of making one of all that the error holds.
            record.exc_text = printable_lines(traceback_text(error) or error_text(error)).rstrip("\n")
        return True


_SAFE: Final = _Safe()


def get_logger(name: str) -> logging.Logger:
    """A logger of monarq's own lines."""
    logger = logging.getLogger(name)
    logger.addFilter(_SAFE)
    return logger


def _shown(argument: object) -> object:
    if isinstance(argument, MultilineText):
        return printable_lines(argument).replace("\n", "\n    ")
    if isinstance(argument, BaseException):
        return printable(message_of(argument))
    return printable(argument) if isinstance(argument, str) else argument
