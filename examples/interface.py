"""An interface that keeps answering while jobs count primes, compared with one that counts them itself.

    monarq worker examples.jobs            in one terminal
    python -m examples.interface           in another
    python -m examples.interface --pool    or all in one: with a private Redis and a pool of its own

The interface is an event loop, as in web servers, chat bots and graphical programs. A request comes every 10 ms, and
what counts is the longest wait for an answer. The interface stays responsive even on one core: the operating system
gives it its turn. `examples.responsive` measures a whole web application.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

from monarq import Producer
from monarq.examples.cpu import PRIMES_BELOW, Range, count_one_by_one, count_with_pool, split
from monarq.examples.harness.script import run_script
from monarq.examples.harness.workload import OnPart, Waited, Workload

EVERY_S: Final = 0.01
"""The interval between two requests."""


class Interface:
    """Something that answers on this event loop.

    Attributes:
        longest_s: the longest wait for an answer so far, in seconds.
    """

    def __init__(self) -> None:
        self.longest_s = 0.0

    async def answer(self) -> None:
        """Answers every `EVERY_S`, endlessly. A wait begins when the answer was due."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            self.longest_s = max(self.longest_s, loop.time() - due_s)
            due_s += EVERY_S
            await asyncio.sleep(max(0.0, due_s - loop.time()))


async def wait_beside(work: Awaitable[object]) -> Waited:
    """Awaits some work while an interface answers."""
    interface = Interface()
    answering = asyncio.create_task(interface.answer())
    try:
        await asyncio.sleep(EVERY_S)
        result = await work
        # Requests that came while the loop was blocked are answered now.
        await asyncio.sleep(EVERY_S)
    finally:
        answering.cancel()
    return Waited(result, interface.longest_s)


def count_in_interface(ranges: Sequence[Range], on_part: OnPart) -> Waited:
    """The primes of all ranges, counted on the interface's loop, as in a naive handler."""

    async def count() -> int:
        return count_one_by_one(ranges, on_part)

    return asyncio.run(wait_beside(count()))


async def count_beside_interface(ranges: Sequence[Range], producer: Producer, on_part: OnPart) -> Waited:
    """The same by jobs: the loop only enqueues them, and awaits their results."""
    return await wait_beside(count_with_pool(ranges, producer, on_part))


@contextmanager
def interface_workload(limit: int = 10**8) -> Iterator[Workload]:
    """The workload: an interface while the primes below `limit`, one of `PRIMES_BELOW`, are counted."""
    ranges = split(limit)
    yield Workload(
        title="interface: its longest wait while primes are counted",
        jobs=len(ranges),
        one_by_one=partial(count_in_interface, ranges),
        with_pool=partial(count_beside_interface, ranges),
        is_right=lambda total: total == PRIMES_BELOW[limit],
    )


if __name__ == "__main__":
    sys.exit(run_script(interface_workload, __doc__))
