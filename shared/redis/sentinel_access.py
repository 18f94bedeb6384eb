"""What sentinels refuse, told apart from what servers refuse: a login, or a name that they do not know."""

from __future__ import annotations

from redis.exceptions import AuthenticationError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError


class SentinelAccessError(AuthenticationError):
    """No sentinel lets us in; the message has the answer of each."""


class UnknownServiceError(RedisConnectionError):
    """No sentinel that answers knows the service. One that just started may learn of it, so this may pass."""


class NoSentinelError(ResponseError):
    """What was named as sentinels are other servers; the message says what each is and what to do."""
