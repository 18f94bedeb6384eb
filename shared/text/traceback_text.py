"""Traceback formatting: the user's frames, with limits on frames, chains, groups and texts.

Python's own formatter formats everything first, even a group of 100,000 or a message of 20 MB. monarq's own frames,
which are above every job, are left out.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Final

from monarq.shared.errors import MonarqError
from monarq.shared.text.error_text import error_text, escape_surrogates, qualified_name, truncate

MOST_ERRORS: Final = 100
"""The most exceptions shown in one traceback: causes, contexts, members of groups."""
MOST_LINKS: Final = 20
"""The longest chain of causes, and the deepest nesting of groups, shown."""
MOST_MEMBERS: Final = 15
MOST_NOTES: Final = 20
MOST_FRAMES: Final = 60

_CAUSE: Final = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT: Final = "\nDuring handling of the above exception, another exception occurred:\n\n"
_BETWEEN: Final = ("contextlib", "importlib", "importlib._bootstrap", "importlib._bootstrap_external", "uvloop.loop")
"""The modules of others between monarq's frames and the user's."""

_CALLERS: Final = (
    "monarq.workers.lanes.lanes",
    "monarq.workers.lanes.thread_lane",
    "monarq.workers.lanes.cpu_child.main",
)
"""The modules that call the user's functions: an error raised there, as for a missing argument, needs no frame."""

Frames = list[TracebackType]


class RemoteTraceback(Exception):  # noqa: N818 - never raised: it is a `__cause__` that shows the remote traceback
    """The traceback of an exception that came from another process, as its `__cause__`.

    Attributes:
        text: the traceback of the other process, ending with the exception itself.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"\n{self.text}"


def traceback_text(error: BaseException) -> str:
    """An exception's traceback as text; '' if it has none."""
    if error.__traceback__ is None and error.__cause__ is None:
        return ""
    # Notes and file names may hold surrogates, as messages may.
    return escape_surrogates(truncate("".join(_TracebackFormatter().chain(error, 0))))


def user_traceback(error: BaseException) -> TracebackType | None:
    """The traceback from the user's first frame on, for formatters other than ours."""
    frames = user_frames(error)
    return frames[0] if frames else None


class _TracebackFormatter:
    """Formats one traceback, and counts how many exceptions may still be shown."""

    def __init__(self) -> None:
        self._remaining = MOST_ERRORS

    def chain(self, error: BaseException, depth: int) -> Iterator[str]:
        """The pieces of an exception's text; the causes first, as in Python's own."""
        links = list(_links(error))
        if len(links) > MOST_LINKS:
            links = links[:MOST_LINKS]
            yield "[what led to it before is left out]\n"
        for link, separator in reversed(links):
            yield from self._one(link, depth)
            yield separator

    def _one(self, error: BaseException, depth: int) -> Iterator[str]:
        self._remaining -= 1
        if self._remaining < 0:
            yield "[more exceptions are left out]\n"
            return
        if isinstance(error, RemoteTraceback):
            yield error.text
            return
        frames = user_frames(error)
        if frames:
            yield "Traceback (most recent call last):\n"
            yield from _frame_lines(frames)
        yield f"{_indented(error_text(error))}\n"
        yield from (f"    {_indented(note)}\n" for note in _notes(error))
        if isinstance(error, BaseExceptionGroup):
            yield from self._members(error, depth)

    def _members(self, group: BaseExceptionGroup[BaseException], depth: int) -> Iterator[str]:
        if depth >= MOST_LINKS or self._remaining <= 0:
            yield "  [its members are left out]\n"
            return
        for number, member in enumerate(group.exceptions[:MOST_MEMBERS], 1):
            yield f"  +---------------- {number} ----------------\n"
            yield from (f"  | {line}\n" for line in "".join(self.chain(member, depth + 1)).splitlines())
        if len(group.exceptions) > MOST_MEMBERS:
            yield f"  [{len(group.exceptions) - MOST_MEMBERS:,} members left out]\n"


def _links(error: BaseException) -> Iterator[tuple[BaseException, str]]:
    """The exception and the chain of its causes, each with the line between it and the exception that followed."""
    seen: set[int] = set()
    link: BaseException | None = error
    separator = ""
    while link is not None and id(link) not in seen and len(seen) <= MOST_LINKS:
        seen.add(id(link))
        if isinstance(link.__cause__, RemoteTraceback):
            # Its text ends with this same exception.
            yield link.__cause__, separator
            return
        yield link, separator
        if link.__cause__ is not None:
            link, separator = link.__cause__, _CAUSE
        else:
            link, separator = None if link.__suppress_context__ else link.__context__, _CONTEXT


def user_frames(error: BaseException) -> Frames:
    """The frames of its traceback from the user's first one on; monarq's frames only if the error may be monarq's."""
    frames = list(_walk(error.__traceback__))
    of_user = [at for at, trace in enumerate(frames) if _is_users(trace)]
    is_on_purpose = isinstance(error, (MonarqError, TimeoutError))
    if of_user:
        return frames[of_user[0] : of_user[-1] + 1 if is_on_purpose else None]
    return frames if frames and _may_be_ours(error, frames[-1]) and not is_on_purpose else []


def _may_be_ours(error: BaseException, raised_at: TracebackType) -> bool:
    """Whether the error may be monarq's own; the error of a cancelled job is not an `Exception`."""
    return isinstance(error, Exception) and _module_of(raised_at) not in (*_BETWEEN, *_CALLERS)


def _walk(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _is_users(trace: TracebackType) -> bool:
    module = _module_of(trace)
    is_ours = module.startswith("monarq.") and not module.startswith("monarq.examples.")
    return not is_ours and module not in _BETWEEN


def _module_of(trace: TracebackType) -> str:
    return str(trace.tb_frame.f_globals.get("__name__", ""))


def _frame_lines(frames: Frames) -> Iterator[str]:
    """The first and last frames; those in between may be a long recursion."""
    half = MOST_FRAMES // 2
    if len(frames) <= MOST_FRAMES:
        yield from _formatted(frames)
        return
    yield from _formatted(frames[:half])
    yield f"  [{len(frames) - MOST_FRAMES:,} frames left out]\n"
    yield from _formatted(frames[-half:])


def _formatted(frames: Frames) -> list[str]:
    entries = [traceback.extract_tb(trace, 1)[0] for trace in frames]
    return [truncate(line, 2000) for line in traceback.StackSummary.from_list(entries).format()]


def _notes(error: BaseException) -> list[str]:
    notes = getattr(error, "__notes__", None)
    if not isinstance(notes, (list, tuple)):
        return []
    texts = [
        truncate(note) if isinstance(note, str) else f"<a {qualified_name(type(note))}>" for note in notes[:MOST_NOTES]
    ]
    return texts if len(notes) <= MOST_NOTES else [*texts, f"[{len(notes) - MOST_NOTES:,} notes left out]"]


def _indented(text: str) -> str:
    """The text with all lines but the first indented, so that none can be mistaken for a log line."""
    return "\n    ".join(text.splitlines()) if text else text
