"""monarq's loggers. Untrusted text in ids, names and errors cannot forge log lines or control a terminal."""

from __future__ import annotations

import logging
from typing import Final

from monarq.shared.text.error_text import error_text, message_of
from monarq.shared.text.printable import printable, printable_lines
from monarq.shared.text.traceback_text import traceback_text


class MultilineText(str):
    """A log argument that may span several lines; the further lines are indented below the first."""

    __slots__ = ()


class _EscapingFilter(logging.Filter):
    """Escapes a record's text. It is on the logger, not on a handler, so that the user's own handlers get it too."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter`."""
        if isinstance(record.args, tuple):
            record.args = tuple(map(_escaped, record.args))
        error = record.exc_info and record.exc_info[1]
        if error and not record.exc_text:
            # Formatters use this text if it is set, instead of formatting everything in the error.
            record.exc_text = printable_lines(traceback_text(error) or error_text(error)).rstrip("\n")
        return True


_ESCAPING_FILTER: Final = _EscapingFilter()


def get_logger(name: str) -> logging.Logger:
    """A logger whose lines are escaped."""
    logger = logging.getLogger(name)
    logger.addFilter(_ESCAPING_FILTER)
    return logger


def _escaped(argument: object) -> object:
    if isinstance(argument, MultilineText):
        return printable_lines(argument).replace("\n", "\n    ")
    if isinstance(argument, BaseException):
        return printable(message_of(argument))
    return printable(argument) if isinstance(argument, str) else argument
