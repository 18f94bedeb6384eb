"""The clock of a sandbox, which stands still until a test moves it.

It does not quite stand still: it advances by a millisecond per second, so that the later of two events has the later
time. The scripts in Redis read the time. So, while the clock is set, each script gets a prefix that answers TIME from a
key on the sandbox's server. Other servers have no such key, so nothing changes there.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from monarq.shared.clock import reset_clock, set_clock
from monarq.shared.redis.scripts import put_before_scripts

CLOCK_KEY: Final = "monarq:sandbox:clock"

_SLOWER: Final = 1000
"""How many times slower than the machine's clock it runs."""

_TEXT: Final = """\
local redis = (function(redis)
    local told = redis.pcall('GET', 'KEY')
    if type(told) ~= 'string' then
        return redis
    end
    local base, since = string.match(told, '^(%d+) (%d+)$')
    local function now_us()
        local time = redis.call('TIME')
        return base + math.floor((time[1] * 1000000 + time[2] - since) / SLOWER)
    end
    local function by_this_clock(call)
        return function(name, ...)
            if name == 'TIME' then
                local us = now_us()
                local seconds = math.floor(us / 1000000)
                return {string.format('%.0f', seconds), string.format('%.0f', us - seconds * 1000000)}
            elseif name == 'PEXPIREAT' then
                local key, at_ms = ...
                return call('PEXPIRE', key, string.format('%.0f', at_ms - math.floor(now_us() / 1000)))
            end
            return call(name, ...)
        end
    end
    return setmetatable(
        {call = by_this_clock(redis.call), pcall = by_this_clock(redis.pcall)}, {__index = redis})
end)(redis)
"""
_BEFORE_SCRIPTS: Final = _TEXT.replace("KEY", CLOCK_KEY).replace("SLOWER", str(_SLOWER))

_MOVE: Final = """\
local passed_ms = tonumber(ARGV[2])
for _, key in ipairs(redis.call('KEYS', '*')) do
    local left_ms = redis.call('PTTL', key)
    if left_ms >= 0 then
        redis.call('PEXPIRE', key, left_ms - passed_ms)
    end
end
redis.call('SET', KEYS[1], ARGV[1])
"""

LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
"""Redis computes expiry times from its own clock, and monarq refuses times that are centuries away."""


class SandboxClock:
    """The clock of one sandbox. While it is set, monarq reads no other clock in this process."""

    def __init__(self) -> None:
        self._base_us = self._since_us = _machine_us()

    def start(self, redis: Any) -> None:
        """Makes it the clock of this process, and of the server of a blocking client."""
        self._base_us = self._since_us = _machine_us()
        redis.set(CLOCK_KEY, self._told())
        put_before_scripts(_BEFORE_SCRIPTS)
        set_clock(lambda: self.now_us() * 1000, self._server_time)

    def stop(self) -> None:
        """Sets this process back to the machine's clock."""
        put_before_scripts("")
        reset_clock()

    def now_us(self) -> int:
        """The time in unix µs."""
        return self._at(_machine_us())

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        return datetime.fromtimestamp(self.now_us() / 1e6, tz=UTC)

    def move(self, redis: Any, by: timedelta) -> None:
        """Moves it forward, on the server too, where the remaining time of all expiring keys shrinks accordingly."""
        machine_us = _machine_us()
        self._base_us, self._since_us = self._at(machine_us) + by // timedelta(microseconds=1), machine_us
        redis.eval(_MOVE, 1, CLOCK_KEY, self._told(), by // timedelta(milliseconds=1))

    def _told(self) -> str:
        return f"{self._base_us} {self._since_us}"

    def _at(self, machine_us: int) -> int:
        return self._base_us + (machine_us - self._since_us) // _SLOWER

    def _server_time(self, seconds: int, micros: int) -> tuple[int, int]:
        return divmod(self._at(seconds * 1_000_000 + micros), 1_000_000)


def _machine_us() -> int:
    return time.time_ns() // 1000
