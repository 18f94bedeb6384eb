"""A blocking Redis whose scripts live in the model's time: their clock, and every time to live.

Each script runs behind a few lines of Lua that answer TIME, SET, PEXPIRE, PEXPIREAT and PTTL by the model's clock, and
that first delete what has expired by it. Nothing else of a script is changed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Final

import redis as blocking_redis
from redis.exceptions import NoScriptError, ResponseError

CLOCK: Final = "model:clock"
EXPIRIES: Final = "model:expiries"
"""Zset: key -> ms at which it expires."""

_IN_MODEL_TIME: Final = f"""
local real, model_now = redis, redis.call('GET', '{CLOCK}')
for _, key in ipairs(real.call('ZRANGE', '{EXPIRIES}', 0, -1)) do
    local ends = real.call('ZSCORE', '{EXPIRIES}', key)
    if tonumber(ends) <= tonumber(model_now) then
        real.call('DEL', key)
    end
    if real.call('EXISTS', key) == 0 then
        real.call('ZREM', '{EXPIRIES}', key)
    end
end
local function in_model_time(call)
    return function(command, ...)
        local key, ms = ...
        if command == 'TIME' then
            return {{string.sub(model_now, 1, -4), string.sub(model_now, -3) .. '000'}}
        elseif command == 'PEXPIRE' or command == 'PEXPIREAT' then
            if real.call('EXISTS', key) == 0 then
                return 0
            end
            local ends = tonumber(ms) + (command == 'PEXPIRE' and tonumber(model_now) or 0)
            real.call('ZADD', '{EXPIRIES}', string.format('%.0f', ends), key)
            return 1
        elseif command == 'SET' then
            local given, kept, ends = {{...}}, {{}}, nil
            for at = 1, #given do
                if at > 2 and given[at] == 'PX' then
                    ends = tonumber(given[at + 1]) + tonumber(model_now)
                elseif not (at > 3 and given[at - 1] == 'PX') then
                    kept[#kept + 1] = given[at]
                end
            end
            local reply = call('SET', unpack(kept))
            if reply and ends then
                real.call('ZADD', '{EXPIRIES}', string.format('%.0f', ends), key)
            elseif reply then
                real.call('ZREM', '{EXPIRIES}', key)
            end
            return reply
        elseif command == 'PTTL' then
            if real.call('EXISTS', key) == 0 then
                return -2
            end
            local ends = real.call('ZSCORE', '{EXPIRIES}', key)
            return ends and tonumber(ends) - tonumber(model_now) or -1
        end
        return call(command, ...)
    end
end
local redis = {{call = in_model_time(real.call), pcall = in_model_time(real.pcall), sha1hex = real.sha1hex}}
"""

_DUMP: Final = """
local all = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
    local kind = redis.call('TYPE', key).ok
    if kind == 'zset' then
        all[#all + 1] = {key, kind, redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')}
    elseif kind == 'hash' then
        all[#all + 1] = {key, kind, redis.call('HGETALL', key)}
    end
end
return all
"""
"""Gives every hash and zset. The lists of what ended last are for people alone."""

Dump = list[tuple[bytes, bytes, list[bytes]]]


class VirtualRedis:
    """Speaks as the bindings' coroutines want it, which never have to wait; `blocking` is for those that block.

    Redis is made to know no script, so that each call brings its source.

    Args:
        client: the connection, to an empty database.
        now_ms: tells the time.

    Attributes:
        found: key, type and content of every hash and zset after the last call.
    """

    def __init__(self, client: blocking_redis.Redis, now_ms: Callable[[], int]) -> None:
        self._client = client
        self._now_ms = now_ms
        self._dump = client.script_load(_DUMP)
        client.flushdb()
        self.found: Dump = self._send(("EVALSHA", self._dump, 0))[0]

    async def execute_command(self, *arguments: Any) -> Any:
        return self._run(*arguments)

    def _run(self, command: str, source: str, *arguments: Any) -> Any:
        if command == "EVALSHA":
            raise NoScriptError
        set_clock = ("SET", CLOCK, self._now_ms())
        call = ("EVALSHA", _in_model_time(self._client, source), *arguments)
        _, reply, self.found = self._send(set_clock, call, ("EVALSHA", self._dump, 0))
        return reply

    def load(self, dump: Dump) -> None:
        """Goes back to what `found` was."""
        commands = [_restoring(key, kind, flat) for key, kind, flat in dump]
        self._send(("FLUSHDB",), *commands)
        self.found = dump

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
        return SimpleNamespace(execute_command=self._run)


def _restoring(key: bytes, kind: bytes, flat: list[bytes]) -> tuple[Any, ...]:
    """The command that makes a hash or zset."""
    if kind == b"hash":
        return "HSET", key, *flat
    return "ZADD", key, *(part for member, score in zip(flat[::2], flat[1::2], strict=True) for part in (score, member))


@lru_cache(maxsize=100)
def _in_model_time(client: blocking_redis.Redis, source: str) -> str:
    """The SHA-1 of a script in the model's time; Redis knows it from now on."""
    return str(client.script_load(_IN_MODEL_TIME + source))


def _reply(connection: Any) -> Any:
    """The next reply, an error too: those behind it are to be read as well."""
    try:
        return connection.read_response()
    except ResponseError as error:
        return error
