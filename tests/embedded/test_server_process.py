"""A server process: it is ready when it has started, says why it ended, and leaves nothing behind."""

from __future__ import annotations

import select
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from monarq.embedded import EmbeddedRedisError, PortInUseError
from monarq.embedded.discovery import FORCE_VARIABLE, ServerCandidate, list_servers
from monarq.embedded.server_process import ServerProcess, ServerStartError, Storage, read_version
from tests.support.slowness import patience_s

CANDIDATES = {candidate.kind: candidate for candidate in list_servers(forced="")}
REAL = next(candidate for candidate in CANDIDATES.values() if candidate.path)
FAKE = CANDIDATES["fakeredis"]
NOTHING_KEPT = Storage(None, appendonly=False)
END_TIMEOUT_S = 10.0


@pytest.fixture(autouse=True)
def private_temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short temporary directory that must be empty in the end; it comes after pytest's own."""
    monkeypatch.delenv(FORCE_VARIABLE, raising=False)
    with tempfile.TemporaryDirectory(prefix="mq-test-", dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)
        assert list(Path(folder).iterdir()) == []


@pytest.fixture
def running() -> Iterator[ServerProcess]:
    process = start()
    yield process
    process.stop()


def start(
    candidate: ServerCandidate = REAL,
    storage: Storage = NOTHING_KEPT,
    *,
    version: str = "7.2.0",
    port: int | None = None,
) -> ServerProcess:
    return ServerProcess.start(candidate, version, storage, port)


def program(folder: Path, script: str) -> ServerCandidate:
    """A server that is a shell script."""
    path = folder / "redis-server"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return ServerCandidate("redis-server", path)


@pytest.mark.parametrize("kind", CANDIDATES)
def test_it_answers_once_it_has_started_and_is_gone_once_it_is_stopped(kind: str, private_temp: Path) -> None:
    process = start(CANDIDATES[kind])  # type: ignore[index]
    try:
        with redis.Redis.from_url(process.address.url) as client:
            assert client.info("server")["process_id"] == process.pid
        assert process.poll_end() is None
        [directory] = private_temp.iterdir()
        assert process.address.socket_path == directory / "redis.sock"
    finally:
        process.stop()
    assert not psutil.pid_exists(process.pid)
    assert not directory.exists()
    process.stop()


def test_a_port_instead_of_a_socket() -> None:
    process = start(port=0)
    try:
        assert process.address.socket_path is None
        with redis.Redis(port=process.address.port or 0) as client:
            assert client.config_get("bind") == {"bind": "127.0.0.1"}
    finally:
        process.stop()


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PortInUseError):
        start(port=taken.getsockname()[1])


@pytest.mark.parametrize(
    ("setting", "value"),
    [("maxmemory-policy", "noeviction"), ("save", ""), ("appendonly", "no"), ("protected-mode", "yes"), ("port", "0")],
)
def test_how_it_is_set_up(running: ServerProcess, setting: str, value: str) -> None:
    with redis.Redis.from_url(running.address.url, decode_responses=True) as client:
        assert client.config_get(setting) == {setting: value}


def test_why_it_has_ended_by_itself(running: ServerProcess) -> None:
    psutil.Process(running.pid).kill()
    assert select.select([running.watchdog_fd], [], [], patience_s(END_TIMEOUT_S))[0]
    reason = running.poll_end(patience_s(END_TIMEOUT_S))
    assert reason is not None
    assert "SIGKILL" in reason.splitlines()[0]


def test_that_its_watchdog_has_ended(running: ServerProcess) -> None:
    watchdog = psutil.Process(running.pid).parent()
    assert watchdog is not None
    watchdog.kill()
    assert str(running.poll_end(patience_s(END_TIMEOUT_S))).splitlines()[0] == "its watchdog is gone"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 3", "code 3"),
        ("kill -SEGV $$", "SIGSEGV"),
        ("for n in 1 2 3 4 5 6 7; do echo line $n; done; exit 1", "code 1\n    line 3\n    line 4\n"),
        ("exec /bin/sleep 60", "no answer within 0.2 s"),
    ],
)
def test_a_server_that_does_not_start(
    script: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monarq.embedded.server_process.READY_TIMEOUT_S", 0.2 if "sleep" in script else 60.0)
    with pytest.raises(ServerStartError) as caught:
        start(program(tmp_path, script))
    assert reason in str(caught.value)


def test_another_server_that_answers_is_not_taken_for_it(
    running: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It links to the other one's socket."""
    monkeypatch.setattr("monarq.embedded.server_process.READY_TIMEOUT_S", 0.3)
    other = running.address.socket_path
    script = f'while [ "$1" != --unixsocket ]; do shift; done; ln -s {other} "$2"; exec /bin/sleep 60'
    with pytest.raises(ServerStartError, match=r"no answer within 0.3 s"):
        start(program(tmp_path, script))


def test_what_is_kept_is_in_its_directory_which_stays(tmp_path: Path) -> None:
    storage = Storage(tmp_path / "made" / "here", appendonly=True)
    for expected in (None, b"kept"):
        process = start(storage=storage)
        try:
            with redis.Redis.from_url(process.address.url) as client:
                assert client.get("it") == expected
                client.set("it", "kept")
        finally:
            process.stop()
    assert (tmp_path / "made" / "here" / "redis.log").exists()


def test_a_directory_belongs_to_one_server_until_that_has_ended(tmp_path: Path) -> None:
    storage = Storage(tmp_path, appendonly=False)
    process = start(storage=storage)
    try:
        with pytest.raises(EmbeddedRedisError, match=f"another embedded Redis uses {tmp_path}: stop it"):
            start(storage=storage)
    finally:
        process.stop()
    start(storage=storage).stop()


def test_a_failed_start_leaves_its_directory_free(tmp_path: Path) -> None:
    storage = Storage(tmp_path / "data", appendonly=False)
    with pytest.raises(ServerStartError):
        start(program(tmp_path, "exit 1"), storage)
    start(storage=storage).stop()


def test_servers_that_would_lose_the_data_are_not_started(tmp_path: Path) -> None:
    with pytest.raises(ServerStartError, match="fakeredis cannot keep data, but a data directory was requested"):
        start(FAKE, Storage(tmp_path, appendonly=False))
    (tmp_path / "appendonlydir").mkdir()
    with pytest.raises(ServerStartError, match=f"cannot read {tmp_path}, which Redis 7 or newer has written"):
        start(storage=Storage(tmp_path, appendonly=True), version="6.2.14")
    assert not (tmp_path / "redis.lock").exists()


@pytest.mark.parametrize("kind", CANDIDATES)
def test_the_version_of_what_is_here(kind: str) -> None:
    major, minor, *_ = read_version(CANDIDATES[kind]).split(".")  # type: ignore[index]
    assert (int(major), int(minor)) > (0, 0)


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("Redis server v=6.2.0 sha=00000000:0 malloc=jemalloc-5.1.0 bits=64", "6.2.0"),
        ("Redis server v=7.0.15 sha=0 malloc=libc", "7.0.15"),
        ("Valkey server v=10.1.2 sha=0", "10.1.2"),
    ],
)
def test_a_version_that_will_do(said: str, version: str, tmp_path: Path) -> None:
    assert read_version(program(tmp_path, f"echo '{said}'")) == version


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo Redis server v=6.0.16", "is version 6.0.16: monarq needs 6.2 or newer"),
        ("echo Redis server v=5.9.1", "is version 5.9.1: monarq needs 6.2"),
        ("echo Redis server", "--version does not print a version"),
        ("echo v=7.0", "--version does not print a version"),
        ("exit 1", "--version does not print a version"),
        ("exec /bin/sleep 60", "does not run: "),
    ],
)
def test_a_version_that_will_not_do(script: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monarq.embedded.server_process.READY_TIMEOUT_S", 0.2 if "sleep" in script else 60.0)
    with pytest.raises(ServerStartError) as caught:
        read_version(program(tmp_path, script))
    assert reason in str(caught.value)


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ServerStartError, match=f"{tmp_path}/gone does not run: "):
        read_version(ServerCandidate("redis-server", tmp_path / "gone"))
