"""Watchdog process of an embedded server: ends the server when its owner has ended, and removes its directory.

`ServerProcess` runs this file by its path, with only the standard library: it starts in 30 ms and takes 13 MB.
Arguments: the owner's process id, the directory to remove, then the server's command line.
Its stdin is a pipe that the owner holds: end of file means that the owner has ended, or wants the server to stop.
It writes `pid N` to stdout, and `exit REASON` if the server ends unexpectedly.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

STOP_TIMEOUT_S: Final = 2.0
# The pipe is enough unless the owner has forked: its children hold the pipe too, and may outlive it.
OWNER_CHECK_S: Final = 1.0
PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Runs the server until its owner has ended or closes the pipe."""
    owner_pid, directory, *command = sys.argv[1:]
    wake_fd = _catch_signals()
    try:
        server = _start(command, Path(directory) / "server.log")
        _watch(server, int(owner_pid), wake_fd)
        _stop(server)
    except OSError as error:
        _report(f"exit {error}")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _catch_signals() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, _note_signal)
    return reader


def _note_signal(_number: int, _frame: object) -> None:
    """Does nothing: the signal's number is in the wake-up pipe."""


def _start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Safe here, unlike in the owner: this process has a single thread, which lives as long as the process.
            preexec_fn=_end_with_watchdog if sys.platform == "linux" else None,  # noqa: PLW1509
        )
    _report(f"pid {server.pid}")
    return server


def _end_with_watchdog() -> None:
    # A watchdog that was killed cannot end the server, so the kernel does.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _watch(server: subprocess.Popen[bytes], owner_pid: int, wake_fd: int) -> None:
    ended = False
    while os.getppid() == owner_pid:
        readable, _, _ = select.select([sys.stdin, wake_fd], [], [], OWNER_CHECK_S)
        if sys.stdin in readable:
            return
        if wake_fd in readable and signal.SIGTERM in os.read(wake_fd, 64):
            return
        if not ended and server.poll() is not None:
            ended = True
            _report(f"exit {_how_it_ended(server.returncode)}")


def _how_it_ended(code: int) -> str:
    return f"code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _report(line: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # the owner has ended, and nobody else reads this
        os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    main()
