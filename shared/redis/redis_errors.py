"""Redis errors: whether the failed command may have been executed, and whether to retry it.

One table decides for all callers.
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
from monarq.shared.redis.unavailable import needs_password, unavailable_error

REDIS_ERRORS: Final = (RedisError, OSError)
"""All errors that a command can raise: redis-py's, and those of sockets, including asyncio's TimeoutError."""

_ACCESS_ERRORS: Final = (AuthenticationError, AuthorizationError, ssl.SSLCertVerificationError)


class NotSentError(RedisConnectionError):
    """No connection could be made, so Redis has not received the command. The cause says why."""


class CommandFailure(Enum):
    """How a command failed."""

    UNREACHABLE = "Redis was not reached"
    TRANSIENT = "Redis refused it for now"
    DENIED = "Redis denied access"
    REFUSED = "Redis refused it and would refuse it again"
    UNKNOWN = "it may have been executed"


_TRANSIENT: Final = (
    "BUSY",
    "CLUSTERDOWN",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "NOREPLICAS",
    "READONLY",
    "TRYAGAIN",
)

_CLUSTER_ADVICE: Final = "it is a node of a Redis Cluster: use redis+cluster://host:port, with native queues"

_SENTINEL_ADVICE: Final = (
    "it lacks a command that monarq needs: if it is a sentinel, use redis+sentinel://host:port/SERVICE"
)

_ADVICE: Final = {
    "ASK": _CLUSTER_ADVICE,
    "CROSSSLOT": _CLUSTER_ADVICE,
    "MOVED": _CLUSTER_ADVICE,
    "DB": "it has no database with this number: change it at the end of REDIS_URL, as in redis://host:6379/0",
    "OOM": "Redis is out of memory: let workers empty the queue, delete unneeded data, or raise its maxmemory",
    "READONLY": "it is a read-only replica: set REDIS_URL to the primary",
    "MISCONF": "Redis cannot save to disk and refuses writes: check its log and its disk space",
    "NOPERM": "the user of REDIS_URL may not do this: docs/guides/security.md (A user of Redis) lists the rights"
    " that it needs",
    "WRONGTYPE": "a key of the queue or of one of its jobs has another type: use another queue name",
}

_NESTED: Final = re.compile(rf"[-\s\"']({'|'.join(_ADVICE)})\s")
"""How Redis before 7.0 reports a failed command in a script, and redis-py one in a pipeline: the code is inside."""

_DENIED_IN_SCRIPT: Final = re.compile(r"ACL failure in script|The user executing the script can't")
"""How servers report, without a code, that a script ran a command or used a key that its user has no right to."""

_ELSEWHERE_IN_SCRIPT: Final = "ttempted to access a non local key"  # in Valkey the message begins with a capital
"""How a node of a cluster reports, without a code, that a script used a key of another node."""

UNKNOWN_COMMAND: Final = "unknown command"
"""How an error reply for an unknown command begins. Among Redis' own servers, only sentinels lack commands."""

# redis-py removes these codes from the message, and has a class for each.
_CODE_OF_CLASS: Final = {
    "AskError": "ASK",
    "ClusterCrossSlotError": "CROSSSLOT",
    "ClusterDownError": "CLUSTERDOWN",
    "MasterDownError": "MASTERDOWN",
    "MovedError": "MOVED",
    "NoPermissionError": "NOPERM",
    "OutOfMemoryError": "OOM",
    "ReadOnlyError": "READONLY",
    "TryAgainError": "TRYAGAIN",
}


def classify_failure(error: BaseException) -> CommandFailure:
    """How the command that raised this error failed."""
    reason = _root_cause(error)
    if needs_password(reason) or isinstance(reason, _ACCESS_ERRORS):
        return CommandFailure.DENIED
    # Redis may also refuse a connection permanently, such as for a database that does not exist.
    never_sent = isinstance(error, NotSentError)
    reply = reason if never_sent else error
    if isinstance(reply, BusyLoadingError) or error_code(reply) in _TRANSIENT or "max number of clients" in str(reply):
        return CommandFailure.UNREACHABLE if never_sent else CommandFailure.TRANSIENT
    if isinstance(reply, ResponseError):
        return CommandFailure.REFUSED
    return CommandFailure.UNREACHABLE if never_sent else CommandFailure.UNKNOWN


def advice(error: BaseException) -> str:
    """What to do about an error reply; '' if there is no advice."""
    if isinstance(error, ResponseError) and UNKNOWN_COMMAND in str(error):
        return _SENTINEL_ADVICE
    return _ADVICE.get(error_code(error), "")


def explain(error: BaseException, where: str) -> RedisUnavailableError | RedisRefusedError:
    """The error to raise to the caller once the command is no longer retried.

    Args:
        error: the error raised by a command.
        where: the server, as `redacted_url` returns it.
    """
    to_do = advice(_root_cause(error))
    if to_do or classify_failure(error) is CommandFailure.REFUSED:
        reason = f"{to_do} ({error})" if to_do else str(error)
        return RedisRefusedError(f"Redis at {where} refused the command: {reason}")
    return unavailable_error(_root_cause(error), where)


def is_demoted(error: BaseException) -> bool:
    """Whether the server is now a replica. After a failover another one is the primary, maybe at the same address."""
    return error_code(error) == "READONLY"


def refuses_every_script(error: BaseException) -> bool:
    """Whether a node refused a script for a key of another node.

    If all keys of the script are in one slot, this happens only after an earlier script of another client used several
    slots: Valkey 9.1 then refuses all scripts at their first command, so that nothing is executed, until it is
    restarted.
    """
    return isinstance(error, ResponseError) and _ELSEWHERE_IN_SCRIPT in str(error)


def _root_cause(error: BaseException) -> BaseException:
    """Why there was no connection; redis-py wraps the reason once more for a Unix socket."""
    while isinstance(error, RedisConnectionError) and error.__cause__ is not None and str(error.__cause__):
        if needs_password(error):  # this error is recognized by its own text
            break
        error = error.__cause__
    return error


def error_code(error: BaseException) -> str:
    """The code of an error reply, such as OOM; '' if there is none."""
    if not isinstance(error, ResponseError):
        return ""
    known = _CODE_OF_CLASS.get(type(error).__name__)
    if known is not None:
        return known
    if _DENIED_IN_SCRIPT.search(str(error)):
        return "NOPERM"
    if _ELSEWHERE_IN_SCRIPT in str(error):
        return "CROSSSLOT"
    nested = _NESTED.search(str(error))
    return nested[1] if nested else str(error).partition(" ")[0]
