"""Tests that hang in each of the ways there are, beside others that do not: see `test_run_limits.py`."""

from __future__ import annotations

import asyncio
import re
import warnings
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import uvloop

pytestmark = pytest.mark.timeout(0.3)


@pytest.fixture
def unclosed() -> Iterator[None]:
    """Its loop waits for a transport for ever, because its warning is an error."""
    loop = uvloop.new_event_loop()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        server = loop.run_until_complete(loop.create_server(asyncio.Protocol, "127.0.0.1", 0))
        port = server.sockets[0].getsockname()[1]
        kept = loop.run_until_complete(loop.create_connection(asyncio.Protocol, "127.0.0.1", port))
        yield
        loop.close()
    del kept


@pytest.mark.parametrize("number", range(10))
def test_that_passes(number: int) -> None: ...


async def test_that_waits_for_ever() -> None:
    await asyncio.Event().wait()


def test_that_fails_and_hangs_in_its_teardown(unclosed: None) -> None:
    raise AssertionError("what it failed of")


def test_that_hangs_in_c() -> None:
    re.match(r"(a+)+$", "a" * 100 + "b")


def test_whose_source_cannot_be_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(*args: object, **options: object) -> None:
        raise SystemError("AST constructor recursion depth mismatch (before=79, after=84)")

    monkeypatch.setattr("_pytest._code.source.ast", SimpleNamespace(parse=parse))
    raise AssertionError("shown all the same")


@pytest.mark.parametrize("number", range(10))
def test_that_passes_too(number: int) -> None: ...
