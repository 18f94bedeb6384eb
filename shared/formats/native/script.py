"""The scripts of native queues. They are passed every key that they touch, by the names in their heads.

A script's KEYS are those named in its own head, followed by those of the pieces that it includes. The keys under
``-- DUE`` come last, and only in the first call of a process in each second: they are for work that need not be done in
every call. All other calls use a shorter script, without the lines that end in ``-- DUE`` and the code that only they
need. In Lua, a key is a local with its name in capitals; for a ring, that is the position of its first key in KEYS.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys, key_count
from monarq.shared.lane import LaneQueue
from monarq.shared.redis.script_parts import words_of
from monarq.shared.redis.scripts import Argument, Script, read_source

_NAMES: Final = r"  (\w+(?:,(?:\n--)? +\w+)*)$"
_KEYS: Final = re.compile("^-- KEYS" + _NAMES, re.MULTILINE)
_DUE: Final = re.compile("^-- DUE" + _NAMES, re.MULTILINE)


class NativeScript(Script):
    """A script of the native format.

    Attributes:
        key_names: the names of its keys, in order.
        due_names: the names of the keys under DUE, which come after them in some calls.
        short: the script for calls without these; None if it is this script itself.
    """

    def __init__(
        self,
        name: str,
        source: str,
        key_names: tuple[str, ...],
        due_names: tuple[str, ...],
        short: Script | None = None,
    ) -> None:
        super().__init__(name, source)
        self.key_names = key_names
        self.due_names = due_names
        self.short = short
        self._all_names = key_names + due_names

    @classmethod
    def load(cls, path: str, text: str | None = None) -> NativeScript:
        """Reads ``<path>.lua``, a path in the folder of this format, such as ``jobs/claim``, and what it includes.

        `text` replaces the file's content.

        Raises:
            ValueError: a line that is not marked uses keys that only some calls get, or a piece does not exist.
        """
        name, source = path.rpartition("/")[2], read_source("native", path, _name_keys, text)
        key_names, due_names = _named_keys(source)
        short = Script(name, _short_source(path, text, due_names)) if due_names else None
        return cls(name, source, key_names, due_names, short)

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
            lane_queue: the lane queue that the call is about, if its keys depend on it.
            incarnation: the incarnation that the call is about, if they depend on it.

        Raises:
            RedisError: the call failed.
        """
        script, given = self._chosen(keys, lane_queue, incarnation)
        return await script.run(redis, given, arguments)

    def run_on_sync(self, redis: Any, keys: NativeKeys, arguments: Sequence[Argument], incarnation: str = "") -> Any:
        """The same with a blocking client, for threads."""
        script, given = self._chosen(keys, "io", incarnation)
        return script.run_sync(redis, given, arguments)

    def _chosen(self, keys: NativeKeys, lane_queue: LaneQueue, incarnation: str) -> tuple[Script, list[str]]:
        """The script to run in this call, and its KEYS."""
        if self.due_names and keys.take_flush():
            return self, keys.list_of(self._all_names, lane_queue, incarnation)
        return self.short or self, keys.list_of(self.key_names, lane_queue, incarnation)


def _short_source(path: str, text: str | None, due_names: tuple[str, ...]) -> str:
    """The script without the keys under DUE."""
    source = read_source("native", path, _name_keys, text, leaves_out="-- DUE")
    lacking = sorted(words_of(source) & {name.upper() for name in due_names})
    if lacking:
        raise ValueError(
            f"{path}.lua uses {', '.join(lacking)} in every call, and most calls do not get these keys: end the line "
            "that needs them, such as a call of settle_counters, with `-- DUE`, or name them in the head under KEYS"
        )
    return source


def _named_keys(script: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names under KEYS and under DUE, each once; the script's own come first, as it is the last text."""
    names = {name: None for found in reversed(_KEYS.findall(script)) for name in _split(found)}
    due = {name: None for found in reversed(_DUE.findall(script)) for name in _split(found) if name not in names}
    return tuple(names), tuple(due)


def _split(names: str) -> list[str]:
    return [] if names == "none" else re.findall(r"\w+", names)


def _name_keys(script: str) -> str:
    """Lua locals that name the script's keys."""
    names, due = _named_keys(script)
    words, lines, at = words_of(script), [], 1
    for name in (*names, *due):
        size = key_count(name)
        if name.upper() in words:
            lines.append(f"local {name.upper()} = {at if size > 1 else f'KEYS[{at}]'}")
        at += size
    return "\n".join(lines)
