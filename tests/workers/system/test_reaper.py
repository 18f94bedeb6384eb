"""Reaping: how each process ended is found, once, and orphans are reaped where they are given to this process."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from typing import Any

import pytest

from monarq.workers.system.memory import own_peak_bytes, read_resident_bytes
from monarq.workers.system.reaper import ExitStatus, has_ended, open_pidfd, reap, signal_name
from tests.support.slowness import patience_s

MB = 1 << 20

SUBREAPER = """
import ctypes, os, signal, subprocess, sys, time
from monarq.workers.system.reaper import adopts_orphans, reap_orphans
print(adopts_orphans())
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
print(adopts_orphans())
ours = subprocess.Popen(["sleep", "60"])
subprocess.run(["sh", "-c", "sleep 0 & sleep 0 &"])
deadline, reaped = time.monotonic() + 100, 0
while reaped < 2 and time.monotonic() < deadline:
    reaped += reap_orphans({ours.pid})
    time.sleep(0.01)
print(reaped)
ours.kill()
os.waitid(os.P_PID, ours.pid, os.WEXITED | os.WNOWAIT)
print(reap_orphans({ours.pid}), ours.wait())
"""


def spawn(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-S", "-c", code])


def end_of(process: subprocess.Popen[bytes], kill_reason: str | None = None) -> ExitStatus:
    pidfd = open_pidfd(process.pid)
    assert pidfd is not None
    assert select.select([pidfd], [], [], patience_s(20))[0]
    os.close(pidfd)
    assert has_ended(process.pid)
    status = reap(process.pid, inherited_peak_bytes=own_peak_bytes(), kill_reason=kill_reason)
    assert status is not None
    process.returncode = 0  # Popen must not wait for it
    return status


ENDS: list[tuple[str, dict[str, Any]]] = [
    ("raise SystemExit(3)", {"exit_code": 3, "signal_name": None}),
    ("import os; os.kill(os.getpid(), 15)", {"exit_code": None, "signal_name": "SIGTERM", "reason": None}),
    ("import os; os.kill(os.getpid(), 9)", {"exit_code": None, "signal_name": "SIGKILL", "reason": "why"}),
]


@pytest.mark.parametrize(("code", "expected"), ENDS, ids=["exit", "SIGTERM", "SIGKILL"])
def test_how_a_process_ended_is_found(code: str, expected: dict[str, Any]) -> None:
    status = end_of(spawn(code), kill_reason="why")
    assert {key: getattr(status, key) for key in expected} == expected
    assert status.peak_is_bound, "it has taken less than we had when it was forked"


def test_a_peak_above_our_own_is_exact() -> None:
    more_bytes = own_peak_bytes() + 100 * MB
    status = end_of(spawn(f"bytearray({more_bytes})"))
    assert more_bytes < (status.peak_memory_bytes or 0) < more_bytes + 50 * MB
    assert not status.peak_is_bound


def test_a_process_that_lives_has_not_ended() -> None:
    process = subprocess.Popen(["sleep", "60"])
    assert not has_ended(process.pid)
    assert reap(process.pid, inherited_peak_bytes=0, kill_reason=None) is None
    process.kill()
    assert end_of(process).signal_name == "SIGKILL"
    assert has_ended(process.pid), "also once it is reaped"
    assert reap(process.pid, inherited_peak_bytes=0, kill_reason="x") == ExitStatus(None, None, None, "x")


def test_signals_have_names() -> None:
    assert [signal_name(number) for number in (signal.SIGSEGV, 40)] == ["SIGSEGV", "signal 40"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")
def test_orphans_are_reaped_and_own_children_are_not() -> None:
    ran = subprocess.run([sys.executable, "-c", SUBREAPER], capture_output=True, text=True, check=True)
    assert ran.stdout.split("\n")[1:4] == ["True", "2", "0 -9"]


def test_memory_is_that_of_the_process() -> None:
    # The kernel counts pages by thread and adds them up now and then: the two may differ by some.
    assert 10 * MB < read_resident_bytes(os.getpid()) <= own_peak_bytes() + 8 * MB
    process = spawn("import sys; kept = b'x' * (200 << 20); sys.stdin.read(1)")
    process.kill()
    process.wait()
    assert read_resident_bytes(process.pid) == 0
