"""The page of events, spoken to over real connections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from monarq.examples.stage import event_page
from monarq.examples.stage.event_page import EventPage


class Buttons:
    """What the page's buttons call."""

    def __init__(self) -> None:
        self.pressed = 0

    async def press(self) -> None:
        self.pressed += 1


@pytest.fixture
def buttons() -> Buttons:
    return Buttons()


@pytest.fixture
async def page(buttons: Buttons) -> AsyncIterator[EventPage]:
    async with EventPage("<p>hello</p>", {"/press": buttons.press}) as page:
        yield page


async def send(page: EventPage, request: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(page.url.rsplit(":", 1)[1].strip("/")))
    writer.write(request)
    return reader, writer


async def ask(page: EventPage, request: bytes) -> bytes:
    reader, writer = await send(page, request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_it_serves_the_page_and_calls_the_buttons(page: EventPage, buttons: Buttons) -> None:
    served = await ask(page, b"GET / HTTP/1.1\r\n\r\n")
    assert served.startswith(b"HTTP/1.1 200 OK\r\n")
    assert served.endswith(b"\r\n\r\n<p>hello</p>")
    assert (await ask(page, b"POST /press HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 204 ")
    assert buttons.pressed == 1


@pytest.mark.parametrize("request_line", [b"GET /press", b"POST /", b"GET /nothing"])
async def test_what_it_does_not_have_is_not_found(page: EventPage, buttons: Buttons, request_line: bytes) -> None:
    assert (await ask(page, request_line + b" HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 404 ")
    assert buttons.pressed == 0


@pytest.mark.parametrize("request_bytes", [b"\r\n\r\n", b"\x16\x03\x01\r\n\r\n", b"x" * 100_000])
async def test_what_is_no_http_is_hung_up_on(page: EventPage, request_bytes: bytes) -> None:
    reader, writer = await send(page, request_bytes)
    with suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()
    assert (await ask(page, b"GET / HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_all_who_listen_hear_each_event(page: EventPage) -> None:
    listening = [await send(page, b"GET /events HTTP/1.1\r\n\r\n") for _ in range(2)]
    for reader, _ in listening:
        assert b"text/event-stream" in await reader.readuntil(b"\r\n\r\n")
    page.tell({"row": 1})
    page.tell({"row": 2})
    for reader, _ in listening:
        assert [json.loads((await reader.readuntil(b"\n\n"))[6:]) for _ in range(2)] == [{"row": 1}, {"row": 2}]
    for _, writer in listening:
        writer.close()


async def test_whoever_reads_nothing_is_let_go(page: EventPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_page, "LARGEST_BACKLOG", 100_000)
    reader, writer = await send(page, b"GET /events HTTP/1.1\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    for _ in range(100):
        page.tell("x" * 1_000_000)
        await asyncio.sleep(0)
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await reader.readexactly(100 * 1_000_000)
    writer.close()


async def test_its_end_hangs_up_on_all(buttons: Buttons) -> None:
    async with EventPage("", {}) as page:
        reader, writer = await send(page, b"GET /events HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()
