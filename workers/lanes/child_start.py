"""Starts a CPU child process: the one place that knows its command line, environment and descriptors.

Called by ChildProcess.spawn(); the other side of what is said here is main() of cpu_child.py.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import NamedTuple

CHILD_MODULE = "monarq.workers.lanes.cpu_child"


class NewChild(NamedTuple):
    """A process just started, and our ends of what joins us to it."""

    process: subprocess.Popen[bytes]
    connection: socket.socket
    """Non-blocking."""
    lifeline_fd: int
    """A pipe's writing end: when it closes, however we end, the child dies."""


def spawn_child(sys_path: list[str]) -> NewChild:
    """Starts a child in a session of its own, so that Ctrl-C spares it and its whole group can be killed.

    Args:
        sys_path: its import path from the very first import on, as monarq itself may be found only by it.

    Raises:
        OSError: the system refuses another process or descriptor.
    """
    connection, theirs = socket.socketpair()
    connection.setblocking(False)
    lifeline_theirs, lifeline_fd = os.pipe()
    try:
        process = subprocess.Popen(
            command_line(theirs.fileno(), lifeline_theirs),
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(), lifeline_theirs),
            start_new_session=True,
            env=dict(os.environ, PYTHONPATH=os.pathsep.join(path or os.getcwd() for path in sys_path)),  # noqa: PTH109
        )
    except BaseException:
        connection.close()
        os.close(lifeline_fd)
        raise
    finally:
        theirs.close()
        os.close(lifeline_theirs)
    return NewChild(process, connection, lifeline_fd)


def command_line(connection_fd: int, lifeline_fd: int) -> list[str]:
    """The child's command; -P keeps the working directory from standing before the path we pass."""
    return [sys.executable, "-P", "-m", CHILD_MODULE, str(connection_fd), str(lifeline_fd), str(os.getpid())]
