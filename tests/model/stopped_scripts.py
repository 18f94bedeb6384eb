"""monarq's scripts as the model's queue calls them: with a clock that stands still, and a look at Redis behind each."""

from __future__ import annotations

from collections.abc import Coroutine
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Final, TypeVar, cast

import redis as blocking_redis
from redis.exceptions import NoScriptError, ResponseError

from monarq.shared.formats.arq.counters.counters import read_counters
from tests.support.queue_state import KEYS

T = TypeVar("T")

NOW_MS: Final = 1_767_225_600_000
"""The time on the scripts' clock, always."""

_CLOCK: Final = "redis.call('TIME')"
_STOPPED: Final = f"{{'{NOW_MS // 1000}', '0'}}"

_READ: Final = """
local all = {}
for i, key in ipairs(redis.call('KEYS', '*')) do
    local kind = redis.call('TYPE', key).ok
    local value = false
    if kind == 'zset' then
        value = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
    elseif kind == 'hash' then
        value = redis.call('HGETALL', key)
    elseif kind == 'string' then
        value = redis.call('GET', key)
    end
    all[i] = {key, kind, value}
end
return cjson.encode(all)
"""
"""Gives what is in Redis."""


class StoppedScripts:
    """A blocking client whose scripts have a clock that stands still.

    It speaks as the bindings' coroutines want it, which never have to wait, so `now` can run them; `blocking` is for
    the binding that blocks. Redis is made to know no script, so that each call brings its source, and the one place in
    it that asks for the time can be given another.

    Attributes:
        found: what Redis held after the last call, as JSON; None where it was not looked at.
    """

    def __init__(self, client: blocking_redis.Redis) -> None:
        self.found: bytes | None = None
        self._client = client
        self._look = _look(client)

    async def execute_command(self, *arguments: Any) -> Any:
        return self.run(*arguments)

    def run(self, command: str, source: str, keys: int, *arguments: Any) -> Any:
        if command == "EVALSHA":
            raise NoScriptError
        # Most calls are followed by a look: both in one go.
        reply, self.found = self._send(("EVALSHA", _stopped(self._client, source), keys, *arguments), self._look)
        return reply

    def look(self) -> bytes:
        """What Redis holds, as JSON; counts gather for a second, and are added to their counters first."""
        if self.found is None:
            [self.found] = self._send(self._look)
        return self.found

    def _send(self, *commands: tuple[Any, ...]) -> list[Any]:
        connection: Any = self._client.connection
        connection.send_packed_command(connection.pack_commands(commands))
        replies = [_reply(connection) for _ in commands]
        for reply in replies:
            if isinstance(reply, ResponseError):
                raise reply
        return replies

    @property
    def blocking(self) -> Any:
        return SimpleNamespace(execute_command=self.run)


@lru_cache(maxsize=100)
def _stopped(client: blocking_redis.Redis, source: str) -> str:
    """The SHA-1 of a script whose clock stands still; Redis knows it from now on."""
    assert _CLOCK in source
    return str(client.script_load(source.replace(_CLOCK, _STOPPED)))


@lru_cache(maxsize=1)
def _look(client: blocking_redis.Redis) -> tuple[Any, ...]:
    """The command that reads all of Redis, once what was counted has been added to its counters."""
    asked: list[tuple[Any, ...]] = []

    async def note(command: str, source: str, *arguments: Any) -> Any:
        if command == "EVALSHA":
            raise NoScriptError
        asked.append((f"local function settle()\n{source}\nend\nsettle()\n{_READ}", *arguments))
        return [0, []]

    now(read_counters(cast("Any", SimpleNamespace(execute_command=note)), KEYS, 0))
    [(source, *arguments)] = asked
    return ("EVALSHA", _stopped(client, source), *arguments)


def _reply(connection: Any) -> Any:
    """The next reply, an error too: those behind it are to be read as well."""
    try:
        return connection.read_response()
    except ResponseError as error:
        return error


def now(call: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that does not wait; an event loop would cost more than the call."""
    try:
        call.send(None)
    except StopIteration as done:
        return cast("T", done.value)
    raise AssertionError("a binding waited for something")
