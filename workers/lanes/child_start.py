"""Starts a CPU child process: the one place that knows its command line, environment and descriptors.

Called by ChildProcess.spawn(); the other side of what is said here is main() of cpu_child.py.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import NamedTuple

from monarq.workers.lanes.started_call import BegunMark, open_shared

CHILD_MODULE = "monarq.workers.lanes.cpu_child"


class NewChild(NamedTuple):
    """A process just started, and our ends of what joins us to it."""

    process: subprocess.Popen[bytes]
    connection: socket.socket
    """Non-blocking."""
    lifeline_fd: int
    """A pipe's writing end: when it closes, however we end, the child dies."""
    begun: BegunMark


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
    begun_fd = open_shared()
    try:
        begun = BegunMark(begun_fd)
        process = subprocess.Popen(
            command_line(theirs.fileno(), lifeline_theirs, begun_fd),
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(), lifeline_theirs, begun_fd),
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
        os.close(begun_fd)
    return NewChild(process, connection, lifeline_fd, begun)


def command_line(connection_fd: int, lifeline_fd: int, begun_fd: int) -> list[str]:
    """The child's command; -P keeps the working directory from standing before the path we pass."""
    numbers = (connection_fd, lifeline_fd, begun_fd, os.getpid())
    return [sys.executable, "-P", "-m", CHILD_MODULE, *map(str, numbers)]
