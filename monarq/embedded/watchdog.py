"""Keeps one server no longer than the process that asked for it, and removes its directory after it.

`ServerProcess` runs this file by its path, with nothing but the standard library: it starts in 30 ms and takes 13 MB.
Arguments: the owner's process id, the directory to remove, then the server's command line.
Its stdin is a pipe that the owner holds: its end means that the owner is gone, or wants the server to stop.
On stdout it says `pid N`, and `exit REASON` should the server end by itself.
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
# The pipe tells at once. This look is for an owner that forked: its children hold the pipe too, and may outlive it.
OWNER_CHECK_S: Final = 1.0
PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Run the server until the owner is gone or asks for its end."""
    owner_pid, directory, *command = sys.argv[1:]
    wake_fd = _listen_to_signals()
    try:
        server = _start(command, Path(directory) / "server.log")
        _watch(server, int(owner_pid), wake_fd)
        _stop(server)
    except OSError as error:
        _say(f"exit {error}")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _listen_to_signals() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, _note_signal)
    return reader


def _note_signal(_number: int, _frame: object) -> None:
    """Nothing to do: the signal's number is in the wake-up pipe."""


def _start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Safe here, and not in the owner: this process has one thread, which lives as long as the process.
            preexec_fn=_end_with_guard if sys.platform == "linux" else None,  # noqa: PLW1509
        )
    _say(f"pid {server.pid}")
    return server


def _end_with_guard() -> None:
    # A guard that is killed can stop nothing any more, so the kernel does.
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
            _say(f"exit {_how_it_ended(server.returncode)}")


def _how_it_ended(code: int) -> str:
    return f"code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _say(line: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # the owner is gone, and nobody else listens
        os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    main()
