"""Loads the Lua scripts and runs them: the only module that opens a .lua file.

A format names its scripts in `monarq.shared.formats`, each beside the function that calls it. A script names at its
head, in the line ``-- INCLUDES``, the pieces of its format's ``include`` folder that it uses; they are put before it,
without the functions that it does not need.
EVALSHA is used, with the fallback that redis-py's own script object has for a server without the script (a restart,
SCRIPT FLUSH).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence, Sized
from functools import cache
from importlib.resources import files
from typing import Any, Final
from weakref import WeakSet

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from monarq.shared.redis.script_parts import join_used

Argument = str | bytes | int

_FOLDER: Final = files("monarq.shared.formats")
_INCLUDES: Final = re.compile(r"^-- INCLUDES  (\w+(?:, \w+)*)$", re.MULTILINE)


class Script:
    """One script, behind the names of its keys and the pieces that it includes."""

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        self._written = source
        self._set_source(_before + source)
        _SCRIPTS.add(self)

    def _set_source(self, source: str) -> None:
        self.source = source
        # Redis names scripts by their SHA-1; nothing is kept secret by it.
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    async def run(self, redis: Redis, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
        """Runs the script with these KEYS and ARGV.

        Raises:
            RedisError: as Redis or the connection says.
        """
        call = (len(keys), *keys, *arguments)
        try:
            return await redis.execute_command("EVALSHA", self.sha, *call)  # type: ignore[no-untyped-call]
        except NoScriptError:
            return await redis.execute_command("EVAL", self.source, *call)  # type: ignore[no-untyped-call]

    def run_sync(self, redis: Any, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
        """The same with a blocking client, for threads."""
        call = (len(keys), *keys, *arguments)
        try:
            return redis.execute_command("EVALSHA", self.sha, *call)
        except NoScriptError:
            return redis.execute_command("EVAL", self.source, *call)


_SCRIPTS: Final[WeakSet[Script]] = WeakSet()
_before = ""


def put_before_scripts(text: str) -> None:
    """Puts a text before every script of this process, in place of the one that stood there; '' puts none.

    It is for tests, which so give the scripts another clock.
    """
    global _before  # noqa: PLW0603 - it holds for scripts that are made later, too
    _before = text
    for script in list(_SCRIPTS):
        script._set_source(text + script._written)  # noqa: SLF001 - of this module


def read_source(
    format_name: str, path: str, name_keys: Callable[[str], str], text: str | None = None, leaves_out: str = ""
) -> str:
    """The text of ``<format>/<path>.lua`` behind what it includes, as far as it is used.

    Args:
        format_name: the folder of the format.
        path: a path in that folder, such as ``jobs/claim``.
        name_keys: returns the Lua locals that name the keys in a text.
        text: the script's own text, where it is in no file.
        leaves_out: how lines end that are left out; '' leaves out none.

    Raises:
        ValueError: the script, or a piece, does not name its pieces, or names one that does not exist.
    """
    joined: dict[str, str] = {}
    _join(format_name, path, _read(f"{format_name}/{path}") if text is None else text, joined)
    texts = list(joined.values())
    if leaves_out:
        texts = [_without_lines(each, leaves_out) for each in texts]
    *pieces, own = texts
    script = join_used(pieces, own)
    return f"{name_keys(script)}\n{script}"


def _join(format_name: str, path: str, text: str, joined: dict[str, str], includers: tuple[str, ...] = ()) -> None:
    """Adds a script or piece behind the pieces that it includes, which are joined once each, in the order named."""
    if path in joined:
        return
    if path in includers:
        raise ValueError(f"{path}.lua includes itself: {' -> '.join((*includers, path))}")
    for piece in _included(format_name, path, text):
        _join(format_name, f"include/{piece}", _read(f"{format_name}/include/{piece}"), joined, (*includers, path))
    joined[path] = text


def _without_lines(text: str, ending: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.rstrip().endswith(ending))


def _included(format_name: str, path: str, text: str) -> list[str]:
    found = _INCLUDES.search(text)
    if found is None:
        raise ValueError(f"{path}.lua names no pieces: its head needs a line `-- INCLUDES  clock, wake` or `none`")
    pieces = [] if found[1] == "none" else found[1].split(", ")
    for piece in pieces:
        if not (_FOLDER / format_name / "include" / f"{piece}.lua").is_file():
            raise ValueError(f"{path}.lua includes {piece!r}, but there is no include/{piece}.lua")
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
