"""User-facing explanations of why Redis cannot be used. redis-py is imported with the first error: see `connection`."""

from __future__ import annotations

import re
from typing import Final

from monarq.shared.errors import RedisUnavailableError
from monarq.shared.redis.url_setting import DEFAULT_URL, setting_of

_SCHEME: Final = re.compile(r"([a-z]+(?:\+[a-z]+)?)://")


def needs_password(error: BaseException) -> bool:
    """Whether Redis requires a password and got none; it does not even read a long command to its end."""
    text = str(error)
    return "unauthenticated" in text or "NOAUTH" in text or text.startswith("Authentication required")


def unavailable_error(error: BaseException, where: str) -> RedisUnavailableError:
    """The error that explains to the user why Redis cannot be used.

    Args:
        error: redis-py's error.
        where: the server, as `redacted_url` returns it.
    """
    from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError

    from monarq.shared.redis.sentinel_access import SentinelAccessError, UnknownServiceError

    # A NotSentError has its reason as the cause.
    setting = setting_of(where) or "its URL"
    reasons = [reason for reason in (error, error.__cause__) if reason is not None]
    for reason in reasons:
        if isinstance(reason, SentinelAccessError):
            return RedisUnavailableError(
                f"the sentinels of {where} refused the user or password: set the sentinels' login in {setting}"
                f" (?sentinel_username=…&sentinel_password=… at the end): {reason}"
            )
        if isinstance(reason, UnknownServiceError):
            return RedisUnavailableError(
                f"Redis at {where} cannot be found: {reason}. Check the name of the service in {setting}"
                " (redis+sentinel://host:port/SERVICE)"
            )
    if any(map(needs_password, reasons)):
        return RedisUnavailableError(
            f"Redis at {where}: authentication required: set user and password in {setting} ({_with_login(where)})"
        )
    denied = any(isinstance(reason, (AuthenticationError, AuthorizationError, NoPermissionError)) for reason in reasons)
    if denied or "WRONGPASS" in str(error):
        return RedisUnavailableError(
            f"Redis at {where} refused the user or password: check them in {setting} ({_with_login(where)})"
        )
    text = str(error) or type(error).__name__
    change = f"{'set' if where == DEFAULT_URL else 'correct'} {setting}"
    return RedisUnavailableError(
        f"Redis at {where} cannot be reached ({text}): start it (`monarq redis` runs one for development), or {change}"
    )


def _with_login(where: str) -> str:
    """The same kind of address, in the form with user and password."""
    found = _SCHEME.search(where)
    scheme = found[1] if found else "redis"
    if scheme == "unix":
        return "unix://user:password@/path/of/socket"
    return f"{scheme}://user:password@host:port{'/SERVICE' if scheme.endswith('+sentinel') else ''}"
