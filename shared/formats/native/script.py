"""The scripts of native queues: they get every key that they touch, by the names in their heads.

A script's KEYS are those that its own head names and then those of the pieces that it includes. Those under ``-- DUE``
come last, and only with the first call of a process in each second: they are for what need not be done in every call.
In Lua a name stands for its key in capitals; that of a ring for the place in KEYS of its first key.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys, key_count
from monarq.shared.lane import LaneQueue
from monarq.shared.redis.scripts import Argument, Script, read_source

_NAMES: Final = r"  (\w+(?:,(?:\n--)? +\w+)*)$"
_KEYS: Final = re.compile("^-- KEYS" + _NAMES, re.MULTILINE)
_DUE: Final = re.compile("^-- DUE" + _NAMES, re.MULTILINE)


class NativeScript(Script):
    """A script of the native format.

    Attributes:
        key_names: the names of its keys, in order.
        due_names: those that come after them, now and then.
    """

    def __init__(self, name: str, source: str, key_names: tuple[str, ...], due_names: tuple[str, ...]) -> None:
        super().__init__(name, source)
        self.key_names = key_names
        self.due_names = due_names
        self._all_names = key_names + due_names

    @classmethod
    def load(cls, path: str) -> NativeScript:
        """Reads ``<path>.lua``, a path in the folder of this format, such as ``jobs/claim``, and what it includes."""
        source = read_source("native", path, _name_keys)
        key_names, due_names = _named_keys(source)
        return cls(path.rpartition("/")[2], source, key_names, due_names)

    async def run_on(
        self,
        redis: Redis,
        keys: NativeKeys,
        arguments: Sequence[Argument],
        lane_queue: LaneQueue = "io",
        incarnation: str = "",
    ) -> Any:
        """Runs the script on a queue.

        Args:
            redis: the client.
            keys: the queue's keys.
            arguments: its ARGV.
            lane_queue: the lane queue that the call is about, where its keys depend on that.
            incarnation: the incarnation that the call is about, where they depend on that.

        Raises:
            RedisError: as Redis or the connection says.
        """
        return await self.run(redis, self._keys(keys, lane_queue, incarnation), arguments)

    def run_on_sync(self, redis: Any, keys: NativeKeys, arguments: Sequence[Argument], incarnation: str = "") -> Any:
        """The same with a blocking client, for threads."""
        return self.run_sync(redis, self._keys(keys, "io", incarnation), arguments)

    def _keys(self, keys: NativeKeys, lane_queue: LaneQueue, incarnation: str) -> list[str]:
        names = self._all_names if self.due_names and keys.take_flush() else self.key_names
        return keys.list_of(names, lane_queue, incarnation)


def _named_keys(script: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names under KEYS and under DUE, each once; the script's own come first, as it stands last."""
    names = {name: None for found in reversed(_KEYS.findall(script)) for name in _split(found)}
    due = {name: None for found in reversed(_DUE.findall(script)) for name in _split(found) if name not in names}
    return tuple(names), tuple(due)


def _split(names: str) -> list[str]:
    return [] if names == "none" else re.findall(r"\w+", names)


def _name_keys(script: str) -> str:
    """Lua locals that name the keys which the script gets."""
    names, due = _named_keys(script)
    lines, at = [], 1
    for name in (*names, *due):
        size = key_count(name)
        lines.append(f"local {name.upper()} = {at if size > 1 else f'KEYS[{at}]'}")
        at += size
    return "\n".join(lines)
