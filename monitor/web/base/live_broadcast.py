"""The live broadcast: each open page is rendered once a second for all its viewers; pages without viewers are not.

A topic is a page with its query. `subscribe` is the event stream of one browser. A browser that reads slowly gets the
newest state and skips those in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Final

import msgspec

from monarq.monitor.web.base.page_request import PageRequest

PERIOD_S: Final = 1.0
HEARTBEAT_S: Final = 10.0
"""After this long without a change, a comment is sent, so that a closed browser is noticed."""

MOST_TOPICS: Final = 50
"""The most different pages that are kept live at once; others stay as they were loaded."""

Render = Callable[[PageRequest], Awaitable[str]]


class LiveBroadcast:
    """Broadcasts the topics that have viewers.

    Args:
        render: renders the current state of a page as HTML; must not raise.
    """

    def __init__(self, render: Render) -> None:
        self._render = render
        self._topics: dict[str, _Topic] = {}
        self._closed = False

    @property
    def topics(self) -> int:
        """How many pages are live now."""
        return len(self._topics)

    def accepts(self, request: PageRequest) -> bool:
        """Whether this page can be kept live."""
        return not self._closed and (request.url in self._topics or len(self._topics) < MOST_TOPICS)

    async def subscribe(self, request: PageRequest) -> AsyncGenerator[bytes, None]:
        """The events for one browser, until it disconnects or the broadcast is closed."""
        if not self.accepts(request):
            return
        topic = self._topics.get(request.url)
        if topic is None:
            topic = self._topics[request.url] = _Topic()
            topic.task = asyncio.create_task(self._update(topic, request))
        topic.viewers += 1
        try:
            async for event in topic.events():
                yield event
        finally:
            topic.viewers -= 1
            if not topic.viewers:
                self._drop(request.url, topic)

    def close(self) -> None:
        """Ends all streams."""
        self._closed = True
        for url, topic in list(self._topics.items()):
            self._drop(url, topic)

    def _drop(self, url: str, topic: _Topic) -> None:
        if self._topics.get(url) is topic:
            del self._topics[url]
        topic.end()

    async def _update(self, topic: _Topic, request: PageRequest) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            topic.publish(await self._render(request))
            took_s = loop.time() - began_s
            # A slow Redis is asked less often.
            await asyncio.sleep(max(PERIOD_S - took_s, took_s))


class _Topic:
    """One page and its viewers."""

    def __init__(self) -> None:
        self.viewers = 0
        self.task: asyncio.Task[None] | None = None
        self._html: str | None = None
        self._event = b""
        self._version = 0
        self._ended = False
        self._changed = asyncio.Event()

    def publish(self, html: str) -> None:
        """Sends a new state; an unchanged one is not sent again."""
        if html == self._html:
            return
        self._html = html
        self._event = b"data: " + msgspec.json.encode(html) + b"\n\n"
        self._version += 1
        self._wake()

    def end(self) -> None:
        """Ends the streams."""
        self._ended = True
        if self.task is not None:
            self.task.cancel()
        self._wake()

    async def events(self) -> AsyncGenerator[bytes, None]:
        """Each state from now on as an event; skips all but the newest if there were several meanwhile."""
        yield b"retry: 2000\n\n"
        seen_version = 0
        while not self._ended:
            if seen_version != self._version:
                seen_version = self._version
                yield self._event
                continue
            changed = self._changed
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_S):
                    await changed.wait()
                continue
            yield b": still here\n\n"

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
