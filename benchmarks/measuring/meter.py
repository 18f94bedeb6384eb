"""Redis' own counters of a piece of work: processor time, commands, bytes in and out."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlsplit

import redis

_READ: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Reading:
    """The counters at one moment.

    Attributes:
        cpu_s: processor time of the server's main thread, in seconds.
        calls: commands, including those called by scripts.
        scripts: calls of scripts.
        bytes_in: bytes received.
        bytes_out: bytes sent.
        memory: bytes used by data and clients.
    """

    cpu_s: float
    calls: int
    scripts: int
    bytes_in: int
    bytes_out: int
    memory: int

    def __sub__(self, before: Reading) -> Reading:
        """The difference of two readings."""
        return Reading(
            self.cpu_s - before.cpu_s,
            self.calls - before.calls,
            self.scripts - before.scripts,
            self.bytes_in - before.bytes_in,
            self.bytes_out - before.bytes_out,
            self.memory - before.memory,
        )


class Meter:
    """Reads one server's counters.

    Args:
        url: the server's URL, ``redis://host:port`` or ``unix://path``.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.redis = redis.Redis.from_url(url)

    def read(self) -> Reading:
        """The counters now."""
        info = cast("dict[str, Any]", self.redis.info("everything"))
        cpu_s = float(info["used_cpu_user_main_thread"]) + float(info["used_cpu_sys_main_thread"])
        scripts = sum(info.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("eval", "evalsha", "fcall"))
        return Reading(
            cpu_s,
            int(info["total_commands_processed"]),
            scripts,
            int(info["total_net_input_bytes"]),
            int(info["total_net_output_bytes"]),
            int(info["used_memory"]),
        )

    def clear(self) -> None:
        """Empties the server."""
        self.redis.flushall()
        self.redis.script_flush("SYNC")

    def cpu_s(self) -> float:
        """Processor time of the server's main thread so far, in seconds, from a cheap command."""
        info = cast("dict[str, Any]", self.redis.info("cpu"))
        return float(info["used_cpu_user_main_thread"]) + float(info["used_cpu_sys_main_thread"])

    def count_commands(self, seconds: float) -> tuple[int, int]:
        """Counts with MONITOR how many commands clients sent, and how many scripts called."""
        sent = by_scripts = 0
        with self._connect() as connection:
            connection.sendall(b"MONITOR\r\n")
            end_s = time.monotonic() + seconds
            rest = b""
            while (left_s := end_s - time.monotonic()) > 0:
                connection.settimeout(left_s)
                try:
                    *lines, rest = (rest + connection.recv(_READ)).split(b"\r\n")
                except TimeoutError:
                    break
                commands = [line for line in lines if b" [" in line]
                by_scripts += sum(b" lua] " in line for line in commands)
                sent += sum(b" lua] " not in line for line in commands)
        return sent, by_scripts

    def _connect(self) -> socket.socket:
        parts = urlsplit(self._url)
        if parts.scheme == "unix":
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(parts.path)
            return connection
        return socket.create_connection((parts.hostname or "localhost", parts.port or 6379))
