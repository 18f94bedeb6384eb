"""The scripts of queues in arq's format: their keys are those of `QueueKeys.script_keys`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys, lua_keys
from monarq.shared.redis.scripts import Argument, Script, read_source


class ArqScript(Script):
    """A script of arq's format."""

    @classmethod
    def load(cls, path: str, text: str | None = None) -> ArqScript:
        """Reads ``<path>.lua``, a path in the folder of this format, such as ``jobs/claim``, and what it includes.

        `text` replaces the file's content.
        """
        return cls(path.rpartition("/")[2], read_source("arq", path, lua_keys, text))

    async def run_on(self, redis: Redis, keys: QueueKeys, arguments: Sequence[Argument]) -> Any:
        """Runs the script on a queue.

        Raises:
            RedisError: the call failed.
        """
        return await self.run(redis, keys.script_keys, arguments)

    def run_on_sync(self, redis: Any, keys: QueueKeys, arguments: Sequence[Argument]) -> Any:
        """The same with a blocking client, for threads."""
        return self.run_sync(redis, keys.script_keys, arguments)
