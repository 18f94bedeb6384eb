"""A slow web server on 127.0.0.1, with the latency of a distant one."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Self


class SlowServer:
    """Answers every path with a different page after `latency_s` seconds, during a `with` block."""

    def __init__(self, latency_s: float) -> None:
        self._server = _ManyAtOnce(("127.0.0.1", 0), _SlowAnswer)
        self._server.latency_s = latency_s
        # `shutdown` takes up to one poll interval.
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Its URL, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Starts it, in a thread."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _ManyAtOnce(ThreadingHTTPServer):
    """One thread per request, and room for hundreds of connections at the same moment."""

    request_queue_size = 512
    latency_s: float


class _SlowAnswer(BaseHTTPRequestHandler):
    server: _ManyAtOnce

    def do_GET(self) -> None:
        """Waits, then sends the page of this path."""
        time.sleep(self.server.latency_s)
        page = f"This is the page at {self.path}.\n".encode() * 50
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Logs nothing."""
