"""User programs with a producer, as processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

from tests.support.slowness import patience_s


def start(source: str, redis_url: str) -> subprocess.Popen[str]:
    """A Python program that has a producer's URL in REDIS_URL, and the job `fetch`."""
    code = "from monarq.producer import *\nfrom tests.producer.jobs import fetch\n" + textwrap.dedent(source)
    return subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-W", "error::ResourceWarning", "-c", code],
        env={**os.environ, "REDIS_URL": redis_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[str, str, int]:
    """What it wrote to both, and its return code; it is given ten seconds of a quiet machine.

    One that does not end then is cancelled, so that its stacks are among what it wrote.
    """
    try:
        out, err = process.communicate(timeout=patience_s(10))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        out, err = process.communicate()
    return out, err, process.returncode
