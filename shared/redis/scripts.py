"""The Lua scripts, loaded once: the only module that opens a .lua file.

Each command's module beside its script calls `Script.load("name")` and runs it. EVALSHA is used, with the fallback
that redis-py's own script object has for a server that has forgotten its scripts (a restart, SCRIPT FLUSH).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence, Sized
from importlib.resources import files
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from monarq.shared.redis.keys import QueueKeys, lua_prelude

Argument = str | bytes | int


class Script:
    """One script of `monarq/shared/commands`, with the prelude in front of it."""

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        self.source = source
        # Redis names scripts by their SHA-1; nothing is kept secret by it.
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    @classmethod
    def load(cls, path: str) -> Script:
        """Reads `<path>.lua`, a path in the folder of the commands, such as ``jobs/claim``."""
        folder = files("monarq.shared.commands")
        script = "\n".join([(folder / "prelude.lua").read_text(), (folder / f"{path}.lua").read_text()])
        return cls(path.rpartition("/")[2], f"{lua_prelude(script)}\n{script}")

    async def run(self, redis: Redis, keys: QueueKeys, arguments: Sequence[Argument]) -> Any:
        """Runs the script on a queue.

        Raises:
            RedisError: as Redis or the connection says.
        """
        call = (2, *keys.script_keys, *arguments)
        try:
            return await redis.execute_command("EVALSHA", self.sha, *call)  # type: ignore[no-untyped-call]
        except NoScriptError:
            return await redis.execute_command("EVAL", self.source, *call)  # type: ignore[no-untyped-call]

    def run_sync(self, redis: Any, keys: QueueKeys, arguments: Sequence[Argument]) -> Any:
        """The same with a blocking client, for threads."""
        call = (2, *keys.script_keys, *arguments)
        try:
            return redis.execute_command("EVALSHA", self.sha, *call)
        except NoScriptError:
            return redis.execute_command("EVAL", self.source, *call)


def check_batch(given: Sized, most: int) -> None:
    """Keeps a call from failing in the middle of its writes: Lua's stack takes no more than some 8,000 values.

    Raises:
        ValueError: more is given than one call may hold.
    """
    if len(given) > most:
        raise ValueError(f"{len(given)} jobs in one call: give at most {most} at a time")


def text(value: object) -> str:
    """A reply as text; bytes that are no UTF-8 keep their value as escapes."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def as_ids(reply: object) -> list[bytes]:
    """A reply that is a list of job ids."""
    return cast("list[bytes]", reply)
