"""The uvicorn server of the page: it runs until Ctrl-C or SIGTERM, and then ends open event streams at once."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import uvicorn

from monarq.monitor.web.app import WebApp
from monarq.monitor.web.security.http_limits import LimitedProtocol
from monarq.shared.errors import SettingsError

GRACE_S: Final = 3
"""How long responses may take once the server stops."""


class PageServer(uvicorn.Server):
    """uvicorn's server; it ends our streams before it waits for them, and afterwards leaves signals to its caller.

    Args:
        app: the app to serve.
        root_path: the prefix that a proxy in front of it strips.
    """

    def __init__(self, app: WebApp, root_path: str = "") -> None:
        self._app = app
        config = uvicorn.Config(
            app,
            root_path=root_path,
            lifespan="off",
            http=LimitedProtocol,
            ws="none",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
        )
        super().__init__(config)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        self._app.live_broadcast.close()
        await super().shutdown(sockets)
        await self._app.aclose()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """See uvicorn, whose own method re-raises the signal at the end, so that callers could not clean up."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one.

    Raises:
        SettingsError: the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=256)
    except (OSError, UnicodeError) as error:
        raise SettingsError(
            f"cannot listen on {host} port {port} ({error}): choose others with --host and --port"
        ) from error
