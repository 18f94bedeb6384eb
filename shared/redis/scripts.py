"""Loads the Lua scripts and runs them: the only module that opens a .lua file.

Each script is in `monarq.shared.formats`, next to the function that calls it. The line ``-- INCLUDES`` at its head
lists the pieces of its format's ``include`` folder that it uses; they are prepended, without the functions that it does
not need. Scripts run by EVALSHA, with redis-py's fallback for a server that does not have the script (after a restart
or SCRIPT FLUSH).
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
    """One script, after the names of its keys and the pieces that it includes."""

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        self._written = source
        self._set_source(_before + source)
        _SCRIPTS.add(self)

    def _set_source(self, source: str) -> None:
        self.source = source
        # Redis identifies scripts by their SHA-1; it is not used for security.
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    async def run(self, redis: Redis, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
        """Runs the script with these KEYS and ARGV.

        Raises:
            RedisError: the call failed.
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
    """Prepends a text to every script of this process, replacing an earlier one; '' removes it.

    It is for tests, which replace the clock of the scripts in this way.
    """
    global _before  # noqa: PLW0603 - it holds for scripts that are made later, too
    _before = text
    for script in list(_SCRIPTS):
        script._set_source(text + script._written)  # noqa: SLF001 - of this module


def read_source(
    format_name: str, path: str, name_keys: Callable[[str], str], text: str | None = None, leaves_out: str = ""
) -> str:
    """The text of ``<format>/<path>.lua`` after the used parts of what it includes.

    Args:
        format_name: the folder of the format.
        path: a path in that folder, such as ``jobs/claim``.
        name_keys: returns the Lua locals that name the keys used in a text.
        text: the script's own text, if it is not in a file.
        leaves_out: lines with this ending are left out; '' keeps all lines.

    Raises:
        ValueError: the script, or a piece, lacks the INCLUDES line or includes a piece that does not exist.
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
    """Adds a script or piece after the pieces that it includes; each piece is added once, in the listed order."""
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
        raise ValueError(f"{path}.lua has no INCLUDES line: add `-- INCLUDES  clock, wake`, or `none`, at its head")
    pieces = [] if found[1] == "none" else found[1].split(", ")
    for piece in pieces:
        if not (_FOLDER / format_name / "include" / f"{piece}.lua").is_file():
            raise ValueError(f"{path}.lua includes {piece!r}, but there is no include/{piece}.lua")
    return pieces


@cache
def _read(path: str) -> str:
    return (_FOLDER / f"{path}.lua").read_text()


def check_batch(given: Sized, most: int) -> None:
    """Keeps a call from failing in the middle of its writes: Lua's stack holds only about 8,000 values.

    Raises:
        ValueError: there are more items than one call may have.
    """
    if len(given) > most:
        raise ValueError(f"{len(given)} jobs in one call: give at most {most} at a time")
