"""The servers of a run: one Redis for all peers that use it, and a PostgreSQL for the one that needs it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

START_S: Final = 20.0
UNPRIVILEGED: Final = ("postgres", "nobody")
"""The users to try if we are root, as PostgreSQL refuses to run as root."""

_QUICK: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=256MB")


class NoPostgresError(Exception):
    """PostgreSQL is not installed or does not start."""


@contextmanager
def postgres() -> Iterator[str]:
    """Runs a PostgreSQL during the block; yields its URL. It writes to disk as little as possible.

    Raises:
        NoPostgresError: it does not start.
    """
    user = _user()
    with tempfile.TemporaryDirectory(prefix="monarq-bench-pg-") as folder:
        if user is not None:
            shutil.chown(folder, user)
        data, port = str(Path(folder) / "data"), _free_port()
        _run_as(user, ["initdb", "-D", data, "-U", "bench", "--auth=trust", "--no-sync", "-E", "UTF8"])
        options = [part for setting in _QUICK for part in ("-c", setting)]
        server = subprocess.Popen(
            ["postgres", "-D", data, "-k", folder, "-h", "127.0.0.1", "-p", str(port), *options],
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _await_port(server, port)
            yield f"postgresql://bench@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            server.wait()


def _user() -> str | None:
    """The user to run as; None for the current one."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in UNPRIVILEGED if name in known), None)


def _run_as(user: str | None, command: list[str]) -> None:
    done = subprocess.run(command, user=user, cwd="/", capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoPostgresError(f"{command[0]} failed: {done.stderr.strip()[-300:]}")


def _await_port(server: subprocess.Popen[bytes], port: int) -> None:
    end_s = time.monotonic() + START_S
    while time.monotonic() < end_s and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            # It listens shortly before it accepts clients.
            time.sleep(0.5)
            return
    raise NoPostgresError(f"postgres does not listen on port {port}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
