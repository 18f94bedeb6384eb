"""What an error of Redis says about the command that met it: was it carried out, and is it worth repeating?

The submitter, the tracker and the listener ask here, so that one table decides for all of them.
"""

from __future__ import annotations

import re
import ssl
from enum import Enum
from typing import Final

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    RedisError,
    ResponseError,
)
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
)

from monarq.shared.errors import RedisRefusedError, RedisUnavailableError
from monarq.shared.redis.connection import needs_password, unavailable

WIRE_ERRORS: Final = (RedisError, OSError)
"""All that a command can raise: redis-py's errors, and those of sockets, among them asyncio's TimeoutError."""


_DENIALS: Final = (AuthenticationError, AuthorizationError, ssl.SSLCertVerificationError)


class NotSentError(RedisConnectionError):
    """No connection could be made, so Redis has seen nothing of the command. The cause says why."""


class Fault(Enum):
    """What became of a command that failed."""

    ABSENT = "Redis was not reached"
    LATER = "Redis refused it for the moment"
    DENIED = "Redis did not let us in"
    REFUSED = "Redis refused it and will again"
    UNKNOWN = "it may have been carried out"


_PASSING: Final = ("BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF", "NOREPLICAS", "READONLY", "TRYAGAIN")

_ADVICE: Final = {
    "DB": "it has no database of this number: name another one at the end of REDIS_URL, as in redis://host:6379/0",
    "OOM": "Redis is full: let workers empty the queue, delete what is not needed, or raise its maxmemory",
    "READONLY": "it is a read-only replica: let REDIS_URL name the primary",
    "MISCONF": "Redis cannot save to disk and takes no writes: look at its log, and at the space on its disk",
    "NOPERM": "the user of REDIS_URL may not do this: docs/operations.md (A user of Redis) lists the rights it needs",
    "WRONGTYPE": "a key of the queue's name, or of one of its jobs, holds something else: use another name",
}

_NESTED: Final = re.compile(rf"[-\s]({'|'.join(_ADVICE)})\s")
"""How Redis before 7.0 tells that a command inside a script failed: the code stands in the middle of the text."""

_DENIED_IN_SCRIPT: Final = re.compile(r"ACL failure in script|The user executing the script can't")
"""How servers tell, with no code, that a script ran a command or met a key to which its user has no right."""

# redis-py takes these codes off the message and makes a class of them.
_CLASSES: Final = {"OutOfMemoryError": "OOM", "ReadOnlyError": "READONLY", "NoPermissionError": "NOPERM"}


def fault_of(error: BaseException) -> Fault:
    """What became of the command that raised this."""
    reason = _reason(error)
    if needs_password(reason) or isinstance(reason, _DENIALS):
        return Fault.DENIED
    # Of a connection, too, some things are refused for good: a database that does not exist, say.
    never_sent = isinstance(error, NotSentError)
    answer = reason if never_sent else error
    if isinstance(answer, BusyLoadingError) or _code(answer) in _PASSING or "max number of clients" in str(answer):
        return Fault.ABSENT if never_sent else Fault.LATER
    if isinstance(answer, ResponseError):
        return Fault.REFUSED
    return Fault.ABSENT if never_sent else Fault.UNKNOWN


def advice(error: BaseException) -> str:
    """What to do about a refusal of Redis; '' where nothing is known."""
    return _ADVICE.get(_code(error), "")


def explain(error: BaseException, where: str) -> RedisUnavailableError | RedisRefusedError:
    """The error to raise for it once it is not repeated any more.

    Args:
        error: what a command raised.
        where: the server, fit for people.
    """
    to_do = advice(_reason(error))
    if to_do or fault_of(error) is Fault.REFUSED:
        reason = f"{to_do} ({error})" if to_do else str(error)
        return RedisRefusedError(f"Redis at {where} refused it: {reason}")
    return unavailable(_reason(error), where)


def is_demoted(error: BaseException) -> bool:
    """Whether the server is a replica now: after a failover another is the primary, perhaps of the same name."""
    return _code(error) == "READONLY"


def _reason(error: BaseException) -> BaseException:
    """Why there was no connection: redis-py wraps that once more for a Unix socket."""
    while isinstance(error, RedisConnectionError) and error.__cause__ is not None and str(error.__cause__):
        error = error.__cause__
    return error


def _code(error: BaseException) -> str:
    """The code of an error reply, such as OOM; '' where there is none."""
    if not isinstance(error, ResponseError):
        return ""
    known = _CLASSES.get(type(error).__name__)
    if known is not None:
        return known
    if _DENIED_IN_SCRIPT.search(str(error)):
        return "NOPERM"
    nested = _NESTED.search(str(error))
    return nested[1] if nested else str(error).partition(" ")[0]
