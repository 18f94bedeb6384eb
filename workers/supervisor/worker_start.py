"""How a worker process is started: its command, its environment, and its end of the control channel.

`WorkerProcess` calls it; the other side is process.py.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from monarq.workers.config.spec import WorkerSpec
from monarq.workers.control.channel import SupervisorEnd
from monarq.workers.control.messages import Start

# -P keeps the working directory from standing before the path that we pass: a file there called queue.py, say, must
# not break the start.
COMMAND: Final = (sys.executable, "-P", "-m", "monarq.workers.process")


def start_worker(spec: WorkerSpec, command: Sequence[str]) -> tuple[subprocess.Popen[bytes], SupervisorEnd]:
    """Starts a worker's process in a session of its own, and sends it its spec.

    Raises:
        OSError: the system refuses another process or descriptor.
    """
    ours, theirs = socket.socketpair()
    try:
        process = subprocess.Popen(
            [*command, "--control-fd", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
            env=dict(os.environ, PYTHONPATH=os.pathsep.join(path or str(Path.cwd()) for path in sys.path)),
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    channel = SupervisorEnd(ours)
    channel.send(Start(spec, sys.path, os.environ.get("PYTHONPATH")))
    return process, channel
