"""`run_foreground`, behind `monarq redis`, in a process of its own: its messages, its exit codes, its files."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import redis

from monarq.embedded.discovery import FORCE_VARIABLE
from tests.support.slowness import patience_s

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

END_TIMEOUT_S = 5


@pytest.fixture(autouse=True)
def temp_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A temporary directory for the process that must be empty in the end."""
    monkeypatch.delenv(FORCE_VARIABLE, raising=False)
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    yield
    assert list(folder.iterdir()) == []


CODE = (
    "import sys; from pathlib import Path; from monarq.embedded import run_foreground\n"
    "folder = Path(sys.argv[2]) if len(sys.argv) > 2 else None\n"
    "sys.exit(run_foreground(int(sys.argv[1]), folder, announce=lambda line: print(line, flush=True)))"
)


def run(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CODE, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def read_to_url(process: subprocess.Popen[str]) -> tuple[list[str], str]:
    assert process.stdout is not None
    lines: list[str] = []
    while not (lines and lines[-1].startswith("listening on ")):
        lines.append(process.stdout.readline())
        assert lines[-1] != "", f"it ended early: {lines}"
    return lines, lines[-1].removeprefix("listening on ").split(",")[0]


@pytest.mark.parametrize("stop_signal", [signal.SIGINT, signal.SIGTERM])
def test_runs_until_a_signal_and_keeps_its_data(stop_signal: signal.Signals, tmp_path: Path) -> None:
    for earlier_runs in range(2):
        process = run("0", str(tmp_path))
        lines, url = read_to_url(process)
        assert lines[0].startswith(("redis-server ", "valkey-server "))
        assert lines[1] == f"data is in {tmp_path}\n"
        with redis.Redis.from_url(url) as client:
            assert client.incr("runs") == earlier_runs + 1
        process.send_signal(stop_signal)
        assert process.communicate(timeout=patience_s(END_TIMEOUT_S))[0] == ""
        assert process.returncode == 0


def test_a_port_in_use_is_one_line_and_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = run(str(taken.getsockname()[1]))
        output, _ = process.communicate(timeout=patience_s(END_TIMEOUT_S))
    assert process.returncode == 2
    assert output.startswith("port ")
    assert output.count("\n") == 1


def test_no_server_is_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FORCE_VARIABLE, "redis-server")
    monkeypatch.setenv("PATH", "")
    process = run("0")
    assert "there is no redis-server here" in process.communicate(timeout=patience_s(END_TIMEOUT_S))[0]
    assert process.returncode == 1


def test_a_server_that_dies_is_code_1_with_the_reason() -> None:
    process = run("0")
    _, url = read_to_url(process)
    with redis.Redis.from_url(url) as client:
        os.kill(int(client.info("server")["process_id"]), signal.SIGKILL)
    said, _ = process.communicate(timeout=patience_s(END_TIMEOUT_S))
    assert said.startswith("the server ended unexpectedly: by SIGKILL")
    assert process.returncode == 1
