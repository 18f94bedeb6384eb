"""Live news: what each open page shows, made once a second for all who look at it, and not at all when nobody does.

A topic is a page with its query. `watch` is what the stream of one browser is made of. A browser that reads slowly gets
the newest state and misses those between.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Final

import msgspec

from monarq.monitor.web.base.page_request import Asked

PERIOD_S: Final = 1.0
HEARTBEAT_S: Final = 10.0
"""After so long without news a comment is sent: so that a browser that has gone is noticed."""

MOST_TOPICS: Final = 50
"""The most different pages that are kept live at once; further ones are as they were loaded."""

Render = Callable[[Asked], Awaitable[str]]


class Hub:
    """Keeps the topics that somebody looks at.

    Args:
        render: what a page shows now, as HTML; must not raise.
    """

    def __init__(self, render: Render) -> None:
        self._render = render
        self._topics: dict[str, _Topic] = {}
        self._closed = False

    @property
    def topics(self) -> int:
        """How many pages are kept live now."""
        return len(self._topics)

    def takes(self, asked: Asked) -> bool:
        """Whether this page can be kept live."""
        return not self._closed and (asked.url in self._topics or len(self._topics) < MOST_TOPICS)

    async def watch(self, asked: Asked) -> AsyncGenerator[bytes, None]:
        """The events of one browser, until it goes or the hub is closed."""
        if not self.takes(asked):
            return
        topic = self._topics.get(asked.url)
        if topic is None:
            topic = self._topics[asked.url] = _Topic()
            topic.task = asyncio.create_task(self._keep(topic, asked))
        topic.viewers += 1
        try:
            async for event in topic.events():
                yield event
        finally:
            topic.viewers -= 1
            if not topic.viewers:
                self._drop(asked.url, topic)

    def close(self) -> None:
        """Ends all streams."""
        self._closed = True
        for url, topic in list(self._topics.items()):
            self._drop(url, topic)

    def _drop(self, url: str, topic: _Topic) -> None:
        if self._topics.get(url) is topic:
            del self._topics[url]
        topic.end()

    async def _keep(self, topic: _Topic, asked: Asked) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            topic.publish(await self._render(asked))
            took_s = loop.time() - began_s
            # A Redis that takes long is asked less often.
            await asyncio.sleep(max(PERIOD_S - took_s, took_s))


class _Topic:
    """One page, and those who look at it."""

    def __init__(self) -> None:
        self.viewers = 0
        self.task: asyncio.Task[None] | None = None
        self._html: str | None = None
        self._event = b""
        self._version = 0
        self._ended = False
        self._changed = asyncio.Event()

    def publish(self, html: str) -> None:
        """Tells of a new state; of the same one nothing is said."""
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
        """Each state from now on, as an event; the newest only, where several came meanwhile."""
        yield b"retry: 2000\n\n"
        seen = 0
        while not self._ended:
            if seen != self._version:
                seen = self._version
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
