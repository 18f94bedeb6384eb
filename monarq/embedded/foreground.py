"""`monarq redis`: runs an embedded Redis in the foreground until Ctrl-C or SIGTERM."""

from __future__ import annotations

import os
import select
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from monarq.embedded.address import PortInUseError
from monarq.embedded.discovery import EmbeddedRedisError
from monarq.embedded.server import EmbeddedRedis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DEFAULT_PORT: Final = 6379


def run_foreground(
    port: int = DEFAULT_PORT,
    data_dir: Path | None = None,
    appendonly: bool | None = None,
    announce: Callable[[str], None] = print,
) -> int:
    """Runs a Redis on 127.0.0.1 until SIGINT or SIGTERM. Call it from the main thread.

    Args:
        port: the port; 0 for any free one.
        data_dir: where to keep data between runs; by default nothing is kept.
        appendonly: write each change to disk; by default if there is a `data_dir`.
        announce: called with each line for the user.

    Returns:
        The exit code: 0 after a signal, 1 if no server starts or it ends unexpectedly, 2 if the port is in use.
    """
    server = EmbeddedRedis(
        port=port, data_dir=data_dir, appendonly=data_dir is not None if appendonly is None else appendonly
    )
    with _stop_signals() as stop_fd:
        try:
            server.start()
        except EmbeddedRedisError as error:
            announce(str(error))
            return 2 if isinstance(error, PortInUseError) else 1
        try:
            _announce_start(server, data_dir, announce)
            return _wait(server, stop_fd, announce)
        finally:
            server.stop()


def _announce_start(server: EmbeddedRedis, data_dir: Path | None, announce: Callable[[str], None]) -> None:
    for note in server.notes:
        announce(f"warning: {note}")
    announce(server.description)
    announce(f"data is in {data_dir}" if data_dir else "data is deleted when it stops")
    announce(f"listening on {server.url}, until Ctrl-C")


def _wait(server: EmbeddedRedis, stop_fd: int, announce: Callable[[str], None]) -> int:
    while True:
        readable, _, _ = select.select([stop_fd, server.process.watchdog_fd], [], [])
        if stop_fd in readable:
            return 0
        if ended := server.process.poll_end():
            announce(f"the server ended unexpectedly: {ended}")
            return 1


@contextmanager
def _stop_signals() -> Iterator[int]:
    """A file descriptor that becomes readable on SIGINT or SIGTERM, which do nothing else meanwhile."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    old_fd = signal.set_wakeup_fd(writer)
    old_handlers = {number: signal.signal(number, _note_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield reader
    finally:
        for number, handler in old_handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(old_fd)
        os.close(reader)
        os.close(writer)


def _note_signal(_number: int, _frame: object) -> None:
    """Nothing to do: the signal is in the wake-up pipe."""
