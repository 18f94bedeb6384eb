"""The log lines of a producer, all of them: logger ``monarq.producer``."""

from __future__ import annotations

from monarq.shared.text.error_text import error_text
from monarq.shared.text.loggers import get_logger

logger = get_logger("monarq.producer")


def subscription_lost(where: str, error: BaseException) -> None:
    """The channels of ended jobs are not heard from now on."""
    logger.warning(
        "cannot hear of ended jobs from Redis at %s: %s; results are asked for each second meanwhile",
        where,
        error_text(error),
    )


def subscription_restored(where: str) -> None:
    """The channels are heard again."""
    logger.info("hearing of ended jobs from Redis at %s again", where)


def lookup_failed(where: str, error: BaseException) -> None:
    """Results could not be looked up; the lookup is repeated until it works."""
    logger.warning(
        "cannot look for results in Redis at %s: %s; whoever waits for one goes on waiting", where, error_text(error)
    )
