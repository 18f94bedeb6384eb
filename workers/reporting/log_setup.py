"""The log set-up of a worker process, its cpu child and its supervisor, done once in each.

monarq's own loggers and arq's are configured before anything is logged. The root logger, which writes the lines of the
program's own loggers, is configured after the program's modules are imported, if they have not configured it.
"""

from __future__ import annotations

import logging
import logging.config
import sys
from collections.abc import Mapping
from typing import Any, Final

from monarq.shared.errors import SettingsError
from monarq.workers.config.log_settings import FORMATS, LogSettings
from monarq.workers.reporting.log_fields import JobLogFilter, JsonFormatter

_OWN_LOGGERS: Final = ("monarq", "arq")


def configure_logging(log: LogSettings) -> None:
    """Configures the loggers `monarq` and `arq` to write to stderr; or everything, from a user's own dict.

    Raises:
        TargetError: there is nothing at the path of the dict.
        SettingsError: the object at the path is not such a dict, or the format is unknown.
    """
    if log.format not in FORMATS:
        raise SettingsError(f"log_format is {log.format!r}; it must be one of {', '.join(FORMATS)}")
    config = log_config(log) if log.custom is None else _find_config(log.custom)
    try:
        logging.config.dictConfig(config)
    except (ValueError, TypeError, AttributeError, ImportError) as error:
        raise SettingsError(f"{log.custom or 'the log settings'} cannot be used by logging.config: {error}") from error


def configure_root_logging(log: LogSettings) -> None:
    """Writes the lines of a program's own loggers to stderr, from INFO on, each with its job.

    Does nothing if the program has given the root logger a handler, or if the user has their own dict. A level that the
    program has set is kept. As text, a line that a handler of the program's has written to the console is not repeated.
    """
    enable_own_loggers()
    root = logging.getLogger()
    if log.custom is not None or root.hasHandlers():
        return
    handler = logging.StreamHandler()
    handler.addFilter(JobLogFilter())
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(job_prefix)s%(message)s", "%H:%M:%S")
    handler.setFormatter(JsonFormatter() if log.format == "json" else text)
    if log.format == "text":
        handler.addFilter(_is_not_written)
    root.addHandler(handler)
    if root.level == logging.WARNING:  # Python's default
        # At DEBUG, the lines of libraries would hide those of the program.
        root.setLevel(max(logging.INFO, logging.getLevelName(log.level)))


def reaches_console(name: str, level: int) -> bool:
    """Whether a line of this logger and level is written to the console."""
    logger: logging.Logger | None = logging.getLogger(name)
    assert logger is not None
    if not logger.isEnabledFor(level):
        return False
    record = logger.makeRecord(name, level, "", 0, "", (), None)
    while logger is not None:
        if any(_writes(handler, record) for handler in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False


def console_handlers(name: str) -> list[logging.Handler]:
    """The logger's own handlers that write to the console."""
    return [handler for handler in logging.getLogger(name).handlers if _is_console(handler)]


def _is_not_written(record: logging.LogRecord) -> bool:
    """Whether no logger of the program's writes this line to the console itself, as Django's does while it debugs."""
    logger: logging.Logger | None = logging.getLogger(record.name)
    while logger is not None and logger.parent is not None:
        if any(_writes(handler, record) for handler in logger.handlers):
            return False
        logger = logger.parent
    return True


def _writes(handler: logging.Handler, record: logging.LogRecord) -> bool:
    return _is_console(handler) and record.levelno >= handler.level and bool(handler.filter(record))


def _is_console(handler: logging.Handler) -> bool:
    return isinstance(handler, logging.StreamHandler) and handler.stream in (sys.stderr, sys.stdout)


def enable_own_loggers() -> None:
    """Re-enables monarq's and arq's loggers if a program's own ``dictConfig`` or ``fileConfig`` has disabled them.

    By default, both disable all existing loggers that they do not name.
    """
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger) and name.partition(".")[0] in _OWN_LOGGERS:
            logger.disabled = False


def log_config(log: LogSettings) -> dict[str, Any]:
    """The dict for `logging.config.dictConfig`; arq's lines keep arq's format."""
    own, arqs = ("json", "json") if log.format == "json" else ("text", "arq")
    handler = {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "filters": ["job"]}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"job": {"()": JobLogFilter}},
        "formatters": {
            # Without the job, since monarq's own lines name it.
            "text": {"format": "%(asctime)s %(levelname)-7s %(message)s", "datefmt": "%H:%M:%S"},
            "arq": {"format": "%(asctime)s: %(message)s", "datefmt": "%H:%M:%S"},
            "json": {"()": JsonFormatter},
        },
        "handlers": {
            "monarq": {**handler, "formatter": own},
            "arq": {**handler, "formatter": arqs},
        },
        "loggers": {
            "monarq": {"handlers": ["monarq"], "level": log.level, "propagate": False},
            "arq": {"handlers": ["arq"], "level": log.level, "propagate": False},
        },
    }


def _find_config(path: str) -> dict[str, Any]:
    from monarq.workers.config.importer import import_object  # deferred: few users have their own dict

    found = import_object(path)
    if not isinstance(found, Mapping):
        raise SettingsError(f"{path} is a {type(found).__name__}, not a dict for logging.config")
    return dict(found)
