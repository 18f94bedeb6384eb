"""All log lines of a producer: logger ``monarq.producer``."""

from __future__ import annotations

from monarq.shared.text.error_text import error_text
from monarq.shared.text.loggers import get_logger

logger = get_logger("monarq.producer")


def subscription_lost(where: str, error: BaseException) -> None:
    """The subscription to the channels of ended jobs was lost."""
    logger.warning(
        "lost the subscription to ended jobs on Redis at %s: %s; polling for results every second until it is restored",
        where,
        error_text(error),
    )


def subscription_restored(where: str) -> None:
    """The subscription works again."""
    logger.info("restored the subscription to ended jobs on Redis at %s", where)


def lookup_failed(where: str, error: BaseException) -> None:
    """Results could not be looked up; the lookup is retried until it works."""
    logger.warning(
        "cannot look up results in Redis at %s: %s; retrying, and callers keep waiting", where, error_text(error)
    )
