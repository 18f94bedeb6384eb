"""The stacks of all threads and tasks of this process."""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from tests.support.plugins.loops import OPEN


def all_stacks() -> str:
    """The stacks as text; may be called from any thread."""
    return "".join([*_of_threads(), *_of_tasks()])


def _of_threads() -> Iterator[str]:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        if ident != threading.get_ident():
            yield f"\nThread {names.get(ident, ident)}:\n"
            yield from traceback.format_stack(frame)


def _of_tasks() -> Iterator[str]:
    for loop in list(OPEN):
        with suppress(RuntimeError):  # tasks come and go meanwhile
            for task in asyncio.all_tasks(loop):
                yield f"\nTask {task.get_name()}:\n"
                yield from traceback.format_list(traceback.StackSummary.extract(_awaited(task.get_coro())))


def _awaited(coroutine: Any) -> Iterator[tuple[Any, int]]:
    """The frames of a coroutine, of what it awaits, and so on."""
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is not None:
            yield frame, frame.f_lineno
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
