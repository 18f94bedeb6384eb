"""Jobs that fork, and tell what their children have of the worker."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import socket
import time
import warnings
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from monarq.shared.calls.context import Context, SyncContext
from monarq.shared.jobs.decorators import job
from tests.workers.support.supervised_jobs import LONG_S, say

warnings.filterwarnings("ignore", message=".*multi-threaded.*fork", category=DeprecationWarning)

FORK = multiprocessing.get_context("fork")
NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def sockets() -> dict[str, str]:
    """The sockets, pipes and watched processes of this process, by descriptor."""
    found = {}
    for fd in Path("/proc/self/fd").iterdir():
        try:
            leads_to = fd.readlink().name
        except FileNotFoundError:
            continue
        if leads_to.startswith(("socket:", "pipe:")):
            found[fd.name] = leads_to
    return found


def _tell(to: Connection) -> None:
    handlers = [signal.getsignal(number) for number in NUMBERS]
    are_default = handlers == [signal.SIG_DFL, signal.default_int_handler, signal.SIG_DFL]
    to.send((are_default, signal.set_wakeup_fd(-1), list(sockets().values())))
    time.sleep(LONG_S)


def fork_and_end() -> dict[str, Any]:
    """What a child has of ours, and how it ended when it was told to."""
    ours = set(sockets().values())
    here, there = FORK.Pipe()
    own = {Path(f"/proc/self/fd/{end.fileno()}").readlink().name for end in (here, there)}
    child = FORK.Process(target=_tell, args=(there,))
    child.start()
    are_default, wakeup_fd, childs = here.recv()
    child.terminate()
    child.join(10)
    return {
        "default": are_default,
        "wakeup": wakeup_fd,
        "shared": sorted(ours & set(childs) - own),
        "exit code": child.exitcode,
    }


@job
async def fork_on_loop() -> dict[str, Any]:
    return fork_and_end()


@job(lane="thread")
def fork_in_thread() -> dict[str, Any]:
    return fork_and_end()


@job
def fork_in_child() -> dict[str, Any]:
    return fork_and_end()


@job
async def come_back_twice_on_loop(ctx: Context) -> int:
    child = os.fork()
    say(ctx, "forked")
    await asyncio.sleep(0)
    say(ctx, "went on")
    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    return os.waitstatus_to_exitcode(status)


@job
async def come_back_beside_messages(ctx: Context) -> str:
    """What the worker's loop still reads, once a fork of it had the time to read it first."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    theirs.send(b"the loop polls this connection\n")
    await reader.readline()
    theirs.send(b"to the worker\n")
    child = os.fork()
    if child:
        os.waitpid(child, 0)  # noqa: ASYNC222 - the loop must not read before the fork has ended
    line = await reader.readline()
    writer.close()
    theirs.close()
    return line.decode().strip()


@job(lane="thread")
def come_back_twice_in_thread(ctx: SyncContext) -> int:
    child = os.fork()
    say(ctx, "forked")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if child else 0
