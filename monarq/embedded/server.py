"""`EmbeddedRedis`: runs the first server on this machine that starts, for the life of a block."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from monarq.embedded.discovery import EmbeddedRedisError, list_servers
from monarq.embedded.server_process import ServerProcess, ServerStartError, Storage, read_version

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from monarq.embedded.discovery import ServerCandidate, ServerKind


class EmbeddedRedis:
    """A private Redis server for the life of a `with` or `async with` block, or from `start` to `stop`.

    Unless a port is given, it listens on a Unix socket that only this user can reach. It ends with this process, even
    after SIGKILL. `notes` has a line for each server that was tried before and did not start.
    """

    def __init__(
        self,
        *,
        port: int | None = None,
        data_dir: Path | None = None,
        appendonly: bool = False,
        kind: ServerKind | None = None,
    ) -> None:
        """Configures the server; `start` starts it.

        Args:
            port: listen on this port of 127.0.0.1 (0: any free one) instead of on a private socket.
            data_dir: where data and log are kept; created if missing. By default nothing is kept.
            appendonly: write each change to disk, so that the next server on the same `data_dir` has it.
            kind: the only kind of server to start. Default: that of MONARQ_EMBEDDED, else any.
        """
        self.notes: list[str] = []
        self._port = port
        self._kind = kind
        self._storage = Storage(data_dir and data_dir.absolute(), appendonly)
        self._running: tuple[ServerProcess, ServerCandidate, str] | None = None

    def start(self) -> None:
        """Starts the first server that can be started, and returns when it answers. Does nothing if it is running.

        Raises:
            EmbeddedRedisError: no server starts (the message has each reason), or the data directory is in use.
            PortInUseError: something listens on the port.
        """
        if self._running:
            return
        self.notes.clear()
        for candidate in list_servers(forced=self._kind):
            try:
                version = read_version(candidate)
                process = ServerProcess.start(candidate, version, self._storage, self._port)
            except ServerStartError as error:
                self.notes.append(f"{candidate.path or candidate.kind} was skipped: {error}")
            else:
                self._running = (process, candidate, version)
                return
        raise EmbeddedRedisError("\n".join(["no Redis server could be started:", *self.notes]))

    def stop(self) -> None:
        """Ends the server within 2 s and removes its files, except `data_dir`. May be called again."""
        if self._running:
            self._running[0].stop()
            self._running = None

    @property
    def url(self) -> str:
        """Its address for Redis clients: `unix:///…/redis.sock` or `redis://127.0.0.1:PORT/0`."""
        return self.process.address.url

    @property
    def kind(self) -> ServerKind:
        """What kind of server it is."""
        return self._started()[1].kind

    @property
    def description(self) -> str:
        """What it is and where it comes from, in one line for people."""
        _, candidate, version = self._started()
        return candidate.describe(version)

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self.process.pid

    @property
    def process(self) -> ServerProcess:
        """The running server."""
        return self._started()[0]

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    async def __aenter__(self) -> Self:
        """Start it, in a thread."""
        starting = asyncio.ensure_future(asyncio.to_thread(self.start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The thread continues, and the end of the block, which would stop the server, will not be reached.
            starting.add_done_callback(self._stop_unwanted)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it, in a thread."""
        await asyncio.to_thread(self.stop)

    def _stop_unwanted(self, starting: asyncio.Future[None]) -> None:
        if not starting.cancelled() and starting.exception() is None:
            starting.get_loop().run_in_executor(None, self.stop)

    def _started(self) -> tuple[ServerProcess, ServerCandidate, str]:
        if self._running is None:
            raise EmbeddedRedisError(
                "the embedded Redis is not running: use it in a `with` block, or call start() first"
            )
        return self._running
