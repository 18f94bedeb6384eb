"""Loads the Lua scripts and runs them: the only module that opens a .lua file.

Each command's module beside its script calls `Script.load("folder/name")` and runs it. A script names at its head, in
the line ``-- INCLUDES``, the pieces of `commands/include` that it uses; the loader puts them before it. EVALSHA is
used, with the fallback that redis-py's own script object has for a server without the script (a restart, SCRIPT FLUSH).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence, Sized
from functools import cache
from importlib.resources import files
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from monarq.shared.redis.keys import QueueKeys, lua_keys

Argument = str | bytes | int

_FOLDER: Final = files("monarq.shared.commands")
_INCLUDES: Final = re.compile(r"^-- INCLUDES  (\w+(?:, \w+)*)$", re.MULTILINE)
_PIECE: Final = "include/"


class Script:
    """One script of `monarq/shared/commands`, behind the names of its keys and the pieces that it includes."""

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        self.source = source
        # Redis names scripts by their SHA-1; nothing is kept secret by it.
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    @classmethod
    def load(cls, path: str) -> Script:
        """Reads `<path>.lua`, a path in the folder of the commands, such as ``jobs/claim``, and what it includes.

        Raises:
            ValueError: the script, or a piece, does not name its pieces, or names one that does not exist.
        """
        joined: dict[str, str] = {}
        _join(path, joined)
        script = "\n".join(joined.values())
        return cls(path.rpartition("/")[2], f"{lua_keys(script)}\n{script}")

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


def _join(path: str, joined: dict[str, str], includers: tuple[str, ...] = ()) -> None:
    """Adds a script or piece behind the pieces that it includes, which are joined once each, in the order named."""
    if path in joined:
        return
    if path in includers:
        raise ValueError(f"{path}.lua includes itself: {' -> '.join((*includers, path))}")
    text = _read(path)
    for piece in _included(path, text):
        _join(_PIECE + piece, joined, (*includers, path))
    joined[path] = text


def _included(path: str, text: str) -> list[str]:
    found = _INCLUDES.search(text)
    if found is None:
        raise ValueError(f"{path}.lua names no pieces: its head needs a line `-- INCLUDES  clock, wake` or `none`")
    pieces = [] if found[1] == "none" else found[1].split(", ")
    for piece in pieces:
        if not (_FOLDER / f"{_PIECE}{piece}.lua").is_file():
            raise ValueError(f"{path}.lua includes {piece!r}, but there is no {_PIECE}{piece}.lua")
    return pieces


@cache
def _read(path: str) -> str:
    return (_FOLDER / f"{path}.lua").read_text()


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
