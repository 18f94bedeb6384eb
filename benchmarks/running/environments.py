"""The peers' environments: each has its packages in its own folder in a cache, installed when first needed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Final

from benchmarks.running.roster import Peer

ROOT: Final = Path(__file__).parents[2]
NODE_PEERS: Final = ROOT / "benchmarks" / "peers"
NEWER_PYTHONS: Final = ("python3.12", "python3.13", "python3.14")
"""Searched on the PATH if our Python is too old for a peer."""

_TELL: Final = "import sys; print(sys.executable, *sys.version_info[:2], sep=chr(10), end='')"


class UnavailableError(Exception):
    """A peer is not available on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a peer runs.

    Attributes:
        peer: the peer.
        version: its version, and that of its Python if it is not ours.
        feed: the command that starts its producer.
        work: the command that starts its workers, without the number of processes and the concurrency.
        variables: their additional environment variables.
    """

    peer: Peer
    version: str
    feed: tuple[str, ...]
    work: tuple[str, ...]
    variables: dict[str, str]


def cache() -> Path:
    """The folder of the environments: MONARQ_BENCH_DIR, else one in the user's cache."""
    given = os.environ.get("MONARQ_BENCH_DIR")
    return Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "monarq-bench"


def prepare(peer: Peer) -> Environment:
    """The peer's environment, created if it does not exist.

    Raises:
        UnavailableError: it cannot be created here.
    """
    if peer.needs and shutil.which(peer.needs) is None:
        raise UnavailableError(f"there is no {peer.needs} on this machine")
    if not peer.packages:
        return _python_environment(peer, sys.executable, installed_version("monarq"))
    if peer.needs == "node":
        return _node_environment(peer, cache() / f"{peer.name}-{_fingerprint(peer, sys.version_info[:2])}")
    base, base_version = find_python(peer.python)
    folder = cache() / f"{peer.name}-{_fingerprint(peer, base_version)}"
    python = folder / "bin" / "python"
    if not (folder / "made").exists():
        _run([base, "-m", "venv", "--clear", "--without-pip", str(folder)])
        pip = [getattr(sys, "_base_executable", sys.executable), "-m", "pip", "--disable-pip-version-check"]
        _run([*pip, "--python", str(python), "install", "--quiet", *peer.packages])
        (folder / "made").touch()
    code = f"import importlib.metadata as m; print(m.version({_first_package(peer)!r}))"
    version = _run([str(python), "-c", code]).strip()
    if base != sys.executable:
        version += f" (Python {base_version[0]}.{base_version[1]})"
    return _python_environment(peer, str(python), version)


def find_python(lowest: tuple[int, int]) -> tuple[str, tuple[int, int]]:
    """A Python of at least this version, and its version: ours, or one on the PATH, or one of pyenv's.

    Raises:
        UnavailableError: none was found.
    """
    if sys.version_info >= lowest:
        return sys.executable, sys.version_info[:2]
    for candidate in (*NEWER_PYTHONS, *sorted(Path.home().glob(".pyenv/versions/*/bin/python"))):
        # Run each: pyenv puts commands on the PATH for versions that are not selected, which only fail.
        with suppress(OSError, UnavailableError):
            path, major, minor = _run([str(candidate), "-c", _TELL]).split("\n")
            if (version := (int(major), int(minor))) >= lowest:
                return path, version
    wanted = f"{lowest[0]}.{lowest[1]}"
    raise UnavailableError(f"there is no working Python {wanted} or newer on the PATH or in ~/.pyenv")


def _python_environment(peer: Peer, python: str, version: str) -> Environment:
    return Environment(
        peer,
        version,
        feed=(python, "-m", "benchmarks.protocol.feeding", peer.name),
        work=(python, "-m", "benchmarks.protocol.launch", peer.name),
        variables={"PYTHONPATH": str(ROOT)},
    )


def _node_environment(peer: Peer, folder: Path) -> Environment:
    if not (folder / "made").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text("{}\n")
        _run(["npm", "install", "--silent", "--prefix", str(folder), *peer.packages])
        (folder / "made").touch()
    script = str(NODE_PEERS / f"{peer.name}.js")
    return Environment(
        peer,
        peer.packages[0].rpartition("@")[2],
        feed=("node", script, "feed"),
        work=("node", script, "work"),
        variables={"NODE_PATH": str(folder / "node_modules"), "NODE_ENV": "production"},
    )


def _first_package(peer: Peer) -> str:
    return peer.packages[0].partition("=")[0].partition("[")[0]


def _fingerprint(peer: Peer, python: tuple[int, int]) -> str:
    text = " ".join([*peer.packages, *map(str, python)])
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailableError(f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}")
    return done.stdout
