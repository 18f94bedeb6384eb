"""What a producer writes to the log, at the logger ``monarq.producer``: all of its text, and nothing else."""

from __future__ import annotations

from monarq.shared.text.error_text import error_text
from monarq.shared.text.loggers import get_logger

logger = get_logger("monarq.producer")


def not_hearing(where: str, error: BaseException) -> None:
    """The channels of ended jobs cannot be heard, from now on."""
    logger.warning(
        "cannot hear of ended jobs from Redis at %s: %s; results are asked for each second meanwhile",
        where,
        error_text(error),
    )


def hearing_again(where: str) -> None:
    """They can be heard again."""
    logger.info("hearing of ended jobs from Redis at %s again", where)


def looking_failed(where: str, error: BaseException) -> None:
    """Results cannot be looked up; it is tried again until it works."""
    logger.warning(
        "cannot look for results in Redis at %s: %s; whoever waits for one goes on waiting", where, error_text(error)
    )
