"""The scripts of the fleet: all workers and queues of the native format, in three keys that belong to no queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.native.keys import FLEET_BEATS, FLEET_QUEUES, FLEET_RECORDS
from monarq.shared.redis.scripts import Argument, Script, read_source

_KEYS: Final = (FLEET_BEATS, FLEET_RECORDS, FLEET_QUEUES)


class FleetScript(Script):
    """A script that gets the keys of the fleet."""

    @classmethod
    def load(cls, path: str) -> FleetScript:
        """Reads ``<path>.lua``, a path in the folder of this format, such as ``workers/fleet_beat``."""
        return cls(path.rpartition("/")[2], read_source("native", path, _name_keys))

    async def run_on(self, redis: Redis, arguments: Sequence[Argument] = ()) -> Any:
        """Runs the script.

        Raises:
            RedisError: the call failed.
        """
        return await self.run(redis, _KEYS, arguments)

    def run_on_sync(self, redis: Any, arguments: Sequence[Argument] = ()) -> Any:
        """The same with a blocking client, for threads."""
        return self.run_sync(redis, _KEYS, arguments)


def _name_keys(_: str) -> str:
    """Lua locals that name the keys."""
    return "local BEATS, RECORDS, QUEUES = KEYS[1], KEYS[2], KEYS[3]"
