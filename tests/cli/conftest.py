"""What the command line's tests share."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from monarq.cli.app import run
from monarq.embedded import EmbeddedRedis
from monarq.shared.redis.connection import UrlSource
from tests.cli.command import Cli, Ended, end_all

NOWHERE = "redis://127.0.0.1:1"


@pytest.fixture(autouse=True)
async def nothing_is_left_running() -> AsyncIterator[None]:
    """Whatever becomes of a test, the processes that it has started end with it."""
    yield
    await end_all()


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """Runs a command line in this process, as far as Redis, which is not there."""
    monkeypatch.setenv("REDIS_URL", NOWHERE)

    def call(*args: str) -> Ended:
        code = run(args)
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return call


@pytest.fixture
def cli_here(cli: Callable[..., Ended], redis_url: str) -> Cli:
    """Runs a command line in a thread of this process, with the test's Redis: a tenth of a process's time."""

    async def call(*args: str) -> Ended:
        return await asyncio.to_thread(cli, *args, "--redis", redis_url)

    return call


@pytest.fixture(scope="session")
def password() -> str:
    return "pw" + secrets.token_hex(8)


@pytest.fixture(scope="session")
def locked_redis(password: str) -> Iterator[EmbeddedRedis]:
    """A Redis that wants a password."""
    with EmbeddedRedis(port=0) as server:
        client = UrlSource(server.url).blocking_client()
        client.config_set("requirepass", password)
        client.close()
        yield server
