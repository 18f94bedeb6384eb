"""Asks the sentinels, one after the other, which server is the primary.

redis-py's own discovery waits for a silent sentinel as long as for a server, always starts with the same one, and does
not report what each of them answered.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from redis.asyncio.sentinel import MasterNotFoundError as AsyncMasterNotFoundError
from redis.asyncio.sentinel import Sentinel
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError
from redis.sentinel import MasterNotFoundError
from redis.sentinel import Sentinel as BlockingSentinel
from redis.utils import str_if_bytes

from monarq.shared.redis.addresses import Node, show_node
from monarq.shared.redis.redis_errors import UNKNOWN_COMMAND
from monarq.shared.redis.sentinel_access import NoSentinelError, SentinelAccessError, UnknownServiceError
from monarq.shared.text.error_text import error_text

TIMEOUT_S: Final = 1.0
"""How long one sentinel may take before the next one is asked."""

ERRORS: Final = (RedisError, OSError)

MOST_NAMES: Final = 8
"""How many of the sentinels' services are listed in an error."""


class Discovery(Sentinel):
    """Discovery without blocking. A sentinel that could not help moves to the end of the list."""

    async def discover_master(self, service_name: str) -> Node:
        """The primary's host and port.

        Raises:
            UnknownServiceError: no sentinel that answered knows the service; the message lists the known ones.
            MasterNotFoundError: no sentinel names a primary; the message has the answer of each.
            SentinelAccessError: all sentinels refused the login.
            NoSentinelError: none of the servers is a sentinel.
        """
        answers = _Answers(service_name)
        for sentinel in list(self.sentinels):
            try:
                state = await sentinel.execute_command("SENTINEL MASTER", service_name)
            except ERRORS as error:
                answers.failed(sentinel, error)
                if _is_unknown(error):
                    with suppress(*ERRORS):  # the user may lack the right to this command
                        answers.know(await sentinel.execute_command("SENTINEL MASTERS"))
            else:
                if self.check_master_state(state, service_name):
                    return state["ip"], state["port"]
                answers.is_down(sentinel)
            put_last(self.sentinels, sentinel)
        raise answers.error(AsyncMasterNotFoundError)

    def doubt(self) -> None:
        """The sentinel that answered last was wrong: from now on, another one is asked first."""
        put_last(self.sentinels, self.sentinels[0])


class BlockingDiscovery(BlockingSentinel):
    """The same for threads."""

    def discover_master(self, service_name: str) -> Node:
        """See `Discovery`."""
        answers = _Answers(service_name)
        for sentinel in list(self.sentinels):
            try:
                state = sentinel.execute_command("SENTINEL MASTER", service_name)
            except ERRORS as error:
                answers.failed(sentinel, error)
                if _is_unknown(error):
                    with suppress(*ERRORS):
                        answers.know(sentinel.execute_command("SENTINEL MASTERS"))
            else:
                if self.check_master_state(state, service_name):
                    return state["ip"], state["port"]
                answers.is_down(sentinel)
            put_last(self.sentinels, sentinel)
        raise answers.error(MasterNotFoundError)

    def doubt(self) -> None:
        """See `Discovery`."""
        put_last(self.sentinels, self.sentinels[0])


def put_last(sentinels: list[Any], sentinel: Any) -> None:
    """Moves one to the end of the list; a concurrent caller may have done so already."""
    sentinels.sort(key=lambda each: each is sentinel)


class _Answers:
    """The answers of sentinels that could not help."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._answers: list[str] = []
        self._refused: list[bool] = []
        self._others: list[str] = []
        self._unknown = False
        self._is_known = False
        self._services: set[str] = set()

    def failed(self, sentinel: Any, error: Exception) -> None:
        refused = isinstance(error, (AuthenticationError, NoPermissionError)) or "NOAUTH" in str(error)
        text = error_text(error)
        if not refused and _is_unknown(error):
            self._unknown = True
            text = "it knows no service with this name"
        elif not refused and _is_no_sentinel(error):
            text = "it is a server, not a sentinel"
            self._others.append(_show(sentinel))
        self._add(sentinel, text, refused=refused)

    def know(self, masters: Any) -> None:
        """Records the services that a sentinel knows, from its reply to SENTINEL MASTERS."""
        names = masters if isinstance(masters, dict) else (state["name"] for state in masters)
        self._services.update(map(str_if_bytes, names))

    def is_down(self, sentinel: Any) -> None:
        self._is_known = True
        self._add(sentinel, "the primary is down, and no replica has taken over yet", refused=False)

    def error(self, kind: type[Exception]) -> Exception:
        told = "; ".join(self._answers)
        if all(self._refused):
            return SentinelAccessError(told)
        if len(self._others) == len(self._answers):
            one = len(self._others) == 1
            return NoSentinelError(
                f"{', '.join(self._others)} {'is not a sentinel' if one else 'are not sentinels'}, but"
                f" {'a Redis server' if one else 'Redis servers'}: give the addresses of sentinels, or of the server as"
                " redis://host:port (redis+cluster://host:port for a node of a Redis Cluster)"
            )
        if self._unknown and not self._is_known:
            known = f"; they know {_list(sorted(self._services))}" if self._services else ""
            return UnknownServiceError(f"no sentinel knows the service {self._service!r}{known}: {told}")
        return kind(f"no sentinel names a primary for {self._service!r}: {told}")

    def _add(self, sentinel: Any, text: str, *, refused: bool) -> None:
        self._answers.append(f"{_show(sentinel)}: {text}")
        self._refused.append(refused)


def _is_unknown(error: Exception) -> bool:
    return isinstance(error, ResponseError) and "No such master" in str(error)


def _is_no_sentinel(error: Exception) -> bool:
    return isinstance(error, ResponseError) and UNKNOWN_COMMAND in str(error).lower()


def _show(sentinel: Any) -> str:
    options = sentinel.connection_pool.connection_kwargs
    return show_node((options["host"], options["port"]))


def _list(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(map(repr, names[:MOST_NAMES])) + more
