"""The address of an embedded Redis: a socket in its own directory, or a port of 127.0.0.1."""

from __future__ import annotations

import os
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from monarq.embedded.discovery import EmbeddedRedisError
from monarq.shared.set_module import set_module

# Linux allows 107 bytes for a Unix socket's path, macOS 103.
SOCKET_PATH_LIMIT: Final = 100


@set_module("monarq.embedded")
class PortInUseError(EmbeddedRedisError):
    """Something else listens on the requested port."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"port {port} of 127.0.0.1 is in use: stop the program that listens there, or choose another port"
        )
        self.port = port


@dataclass(frozen=True, slots=True)
class Address:
    """A private Unix socket, or a port of 127.0.0.1."""

    socket_path: Path | None
    port: int | None

    @property
    def url(self) -> str:
        """The address as a URL for Redis clients."""
        return f"redis://127.0.0.1:{self.port}/0" if self.socket_path is None else f"unix://{self.socket_path}"

    @classmethod
    def choose(cls, directory: Path, port: int | None) -> Address:
        """The requested port (0: any free one), else a socket in `directory`.

        If that path is too long for a socket, a free port is used instead.

        Raises:
            PortInUseError: something listens on that port.
        """
        path = directory / "redis.sock"
        if port is None and len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
            return cls(path, None)
        return cls(None, claim_port(port or 0))


def claim_port(port: int) -> int:
    """A free port of 127.0.0.1: `port`, or any for 0.

    Raises:
        PortInUseError: it is not free.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortInUseError(port) from error
        return cast("int", probe.getsockname()[1])


def make_private_directory() -> Path:
    """A new private directory (0700) whose path, if possible, is short enough for a socket."""
    room = SOCKET_PATH_LIMIT - len("/monarq-12345678/redis.sock")
    parent = tempfile.gettempdir()
    if len(os.fsencode(parent)) > room and os.access("/tmp", os.W_OK):  # noqa: S108 mkdtemp's name cannot be guessed
        parent = "/tmp"  # noqa: S108
    return Path(tempfile.mkdtemp(prefix="monarq-", dir=parent))
