"""A Redis server process: its start, its readiness and its end.

`EmbeddedRedis` uses it. The server is not our child but the child of a watchdog (`watchdog.py`), which ends it when our
pipe to the watchdog's stdin is closed: when we close it, or when this process ends in any way. On macOS, a server
outlives a watchdog that is killed with SIGKILL; on Linux, the kernel ends it.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import redis
from redis.exceptions import BusyLoadingError, RedisError

from monarq.embedded.address import Address, make_private_directory
from monarq.embedded.discovery import EmbeddedRedisError
from monarq.shared.redis.replies import PROTOCOL

if TYPE_CHECKING:
    from typing import IO

    from monarq.embedded.discovery import ServerCandidate

OLDEST_VERSION: Final = (6, 2)
READY_TIMEOUT_S: Final = 5.0
FAKEREDIS_READY_TIMEOUT_S: Final = 15.0
READY_POLL_S: Final = 0.005
STOP_TIMEOUT_S: Final = 5.0
ANSWER_TIMEOUT_S: Final = 1.0
LOG_LINES_SHOWN: Final = 5


class ServerStartError(EmbeddedRedisError):
    """This server cannot run here; another may."""


@dataclass(frozen=True, slots=True)
class Storage:
    """Which data a server keeps, and where."""

    data_dir: Path | None
    """None: no data outlives the server."""
    appendonly: bool


class ServerProcess:
    """A running server; made by `start`."""

    def __init__(self, watchdog: subprocess.Popen[bytes], directory: Path, address: Address, logs: list[Path]) -> None:
        self._watchdog = watchdog
        self._directory = directory
        self._logs = logs
        self._owner_pid = os.getpid()
        self._output = b""
        self.address = address

    @classmethod
    def start(cls, candidate: ServerCandidate, version: str, storage: Storage, port: int | None) -> ServerProcess:
        """Run the server and wait until it answers.

        Raises:
            ServerStartError: it does not start, with the last lines of its log.
            PortInUseError: something else listens on the port.
            EmbeddedRedisError: another server uses the data directory.
        """
        _check_storage(candidate, version, storage)
        lock = _lock(storage.data_dir) if storage.data_dir else None
        directory = make_private_directory()
        try:
            address = Address.choose(directory, port)
            process = cls._spawn(candidate, storage, directory, address, lock)
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        finally:
            if lock is not None:
                lock.close()  # the watchdog has inherited it
        try:
            process.wait_until_ready(FAKEREDIS_READY_TIMEOUT_S if candidate.path is None else READY_TIMEOUT_S)
        except BaseException:
            process.stop()
            raise
        return process

    @classmethod
    def _spawn(
        cls, candidate: ServerCandidate, storage: Storage, directory: Path, address: Address, lock: IO[bytes] | None
    ) -> ServerProcess:
        data_dir = storage.data_dir or directory
        redis_log = data_dir / "redis.log"
        watchdog = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", str(Path(__file__).with_name("watchdog.py"))),
                *(str(os.getpid()), str(directory)),
                *_command_line(candidate, address, data_dir, storage.appendonly, redis_log),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            pass_fds=() if lock is None else (lock.fileno(),),
            # Ctrl-C in the terminal is for the owner, which may need Redis to stop cleanly.
            start_new_session=True,
        )
        return cls(watchdog, directory, address, [directory / "server.log", redis_log])

    @property
    def pid(self) -> int:
        """The server's process id."""
        found = re.search(rb"^pid (\d+)$", self._output, re.MULTILINE)
        return int(found[1]) if found else 0

    @property
    def watchdog_fd(self) -> int:
        """Becomes readable when the server has ended unexpectedly; then `poll_end` returns why."""
        return cast("IO[bytes]", self._watchdog.stdout).fileno()

    def poll_end(self, timeout_s: float = 0) -> str | None:
        """Why the server has ended unexpectedly, with the last lines of its log; None while it runs.

        Args:
            timeout_s: how long to wait for it.
        """
        while select.select([self.watchdog_fd], [], [], timeout_s)[0]:
            if not (written := os.read(self.watchdog_fd, 4096)):
                return self._end("its watchdog is gone")
            self._output += written
            if found := re.search(rb"^exit (.*)$", self._output, re.MULTILINE):
                return self._end(found[1].decode(errors="replace"))
        return None

    def wait_until_ready(self, timeout_s: float) -> None:
        """Return when the server answers. While it answers that it is loading its data, no time limit applies.

        Raises:
            ServerStartError: it ends, or does not answer in time.
        """
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            if ended := self.poll_end(READY_POLL_S):
                raise ServerStartError(ended)
            try:
                if self._answers():
                    return
            except BusyLoadingError:
                deadline_s = time.monotonic() + timeout_s
        raise ServerStartError(self._end(f"no answer within {timeout_s:g} s"))

    def stop(self) -> None:
        """End the server within 2 s and remove its directory. May be called again, and does nothing in a fork."""
        if os.getpid() != self._owner_pid:
            return
        cast("IO[bytes]", self._watchdog.stdin).close()
        try:
            self._watchdog.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._watchdog.kill()
            self._watchdog.wait()
        cast("IO[bytes]", self._watchdog.stdout).close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _answers(self) -> bool:
        """Whether our server answers, rather than another one that took its port."""
        try:
            with redis.Redis.from_url(self.address.url, socket_timeout=ANSWER_TIMEOUT_S, protocol=PROTOCOL) as client:
                client.ping()
                server: dict[str, object] = client.info("server")
                return server["process_id"] == self.pid
        except BusyLoadingError:
            raise
        except RedisError:
            return False

    def _end(self, reason: str) -> str:
        texts = [log.read_text(errors="replace").strip() for log in self._logs if log.exists()]
        lines = [line for text in texts for line in text.splitlines()[-LOG_LINES_SHOWN:]]
        return "\n    ".join([reason, *lines])


def read_version(candidate: ServerCandidate) -> str:
    """The server's version, such as `7.0.15`.

    Raises:
        ServerStartError: the program does not run, prints no version, or is too old for monarq's scripts.
    """
    if candidate.path is None:
        return metadata.version("fakeredis")
    try:
        shown = subprocess.run(
            [candidate.path, "--version"], capture_output=True, timeout=READY_TIMEOUT_S, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerStartError(f"{candidate.path} does not run: {error}") from error
    found = re.search(rb"\bv=((\d+)\.(\d+)\.\d+)", shown)
    if not found:
        raise ServerStartError(f"{candidate.path} --version does not print a version")
    if (int(found[2]), int(found[3])) < OLDEST_VERSION:
        raise ServerStartError(f"{candidate.path} is version {found[1].decode()}: monarq needs 6.2 or newer")
    return found[1].decode()


def _command_line(
    candidate: ServerCandidate, address: Address, data_dir: Path, appendonly: bool, log: Path
) -> list[str]:
    if address.socket_path is None:
        listen = {"port": str(address.port)}
    else:
        listen = {"port": "0", "unixsocket": str(address.socket_path), "unixsocketperm": "700"}
    if candidate.path is None:
        # -P keeps our own folder off the import path: module names there would hide others.
        server = [sys.executable, "-P", str(Path(__file__).with_name("fakeredis_server.py"))]
        where = "port" if address.socket_path is None else "unixsocket"
        return [*server, f"--{where}", listen[where]]
    options = {
        **listen,
        "bind": "127.0.0.1",
        "protected-mode": "yes",
        "daemonize": "no",
        "save": "",
        "appendonly": "yes" if appendonly else "no",
        "maxmemory-policy": "noeviction",
        "dir": str(data_dir),
        "loglevel": "warning",
        "logfile": str(log),
    }
    return [str(candidate.path), *(part for name, value in options.items() for part in (f"--{name}", value))]


def _check_storage(candidate: ServerCandidate, version: str, storage: Storage) -> None:
    if storage.data_dir is None:
        return
    if candidate.path is None:
        raise ServerStartError("fakeredis cannot keep data, but a data directory was requested")
    # From 7.0 on, the data is in a separate folder, and an older server would start without it.
    written_by_newer = (storage.data_dir / "appendonlydir").exists()
    if written_by_newer and int(version.split(".", maxsplit=1)[0]) < 7:
        raise ServerStartError(f"{candidate.path} cannot read {storage.data_dir}, which Redis 7 or newer has written")


def _lock(data_dir: Path) -> IO[bytes]:
    """Locks the directory for one server: Redis itself does not keep out a second one, which would corrupt the data."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = (data_dir / "redis.lock").open("ab")
    except OSError as error:
        raise EmbeddedRedisError(f"{data_dir} cannot hold Redis data: {error}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise EmbeddedRedisError(
            f"another embedded Redis uses {data_dir}: stop it, or use another directory"
        ) from error
    return lock
