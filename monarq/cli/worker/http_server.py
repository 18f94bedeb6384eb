"""The HTTP server of a pool: uvicorn without its signal handlers and logs.

It needs uvicorn and Starlette, so it is imported only if something is served.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from starlette.applications import Starlette
from starlette.routing import BaseRoute
from uvicorn import Config, Server

from monarq.monitor.web.security.http_limits import LimitedProtocol


class QuietServer(Server):
    """Serves on open sockets until `should_exit` is set."""

    @classmethod
    def of(cls, routes: Sequence[BaseRoute]) -> Self:
        """A server for these routes."""
        return cls(
            Config(
                Starlette(routes=routes),
                http=LimitedProtocol,
                log_config=None,
                log_level="warning",
                access_log=False,
                lifespan="off",
                ws="none",
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals to the supervisor."""
        yield
