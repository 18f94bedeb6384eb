"""Errors of sentinels, as opposed to those of servers: a refused login, or an unknown service."""

from __future__ import annotations

from redis.exceptions import AuthenticationError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError


class SentinelAccessError(AuthenticationError):
    """All sentinels refused the login; the message has the answer of each."""


class UnknownServiceError(RedisConnectionError):
    """No sentinel that answered knows the service. It may be temporary, as one that just started may still learn it."""


class NoSentinelError(ResponseError):
    """The given addresses are not those of sentinels; the message says what they are and what to do."""
