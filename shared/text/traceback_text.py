"""Tracebacks as text: the user's frames, and no more than is allowed of them, of chains, groups and texts.

Python's own formatter makes everything first, a group of 100,000 or a message of 20 MB too, and monarq's own frames,
which every job has above it, tell nobody anything.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Final

from monarq.shared.errors import MonarqError
from monarq.shared.text.error_text import error_text, escape_surrogates, qualified_name, truncate

MOST_ERRORS: Final = 100
"""How many exceptions of one traceback are told: causes, contexts, members of groups."""
MOST_LINKS: Final = 20
"""How many causes of causes are told, and how deep groups in groups."""
MOST_MEMBERS: Final = 15
MOST_NOTES: Final = 20
MOST_FRAMES: Final = 60

_CAUSE: Final = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT: Final = "\nDuring handling of the above exception, another exception occurred:\n\n"
_MACHINERY: Final = ("importlib", "importlib._bootstrap", "importlib._bootstrap_external")
"""What stands between monarq's frames and the user's."""

_CALLERS: Final = ("monarq.workers.lanes.lanes", "monarq.workers.lanes.cpu_child")
"""Who calls the user's functions: what is raised right there is told by its text, such as a missing argument."""

Frames = list[TracebackType]


class RemoteTraceback(Exception):  # noqa: N818 - it is never raised: it is the `__cause__` that shows the other side
    """The traceback of an exception that came from another process, as its `__cause__`.

    Attributes:
        text: the traceback there, with the exception itself at its end.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"\n{self.text}"


def traceback_text(error: BaseException) -> str:
    """An exception's traceback as text; '' where it has none."""
    if error.__traceback__ is None and error.__cause__ is None:
        return ""
    # Notes and the names of files may hold what is no text, as messages may.
    return escape_surrogates(truncate("".join(_Telling().chain(error, 0))))


def user_traceback(error: BaseException) -> TracebackType | None:
    """The same for formatters that are not ours: the traceback from the user's first frame on."""
    frames = user_frames(error)
    return frames[0] if frames else None


class _Telling:
    """One traceback as it is told, with what may still be told."""

    def __init__(self) -> None:
        self._left = MOST_ERRORS

    def chain(self, error: BaseException, depth: int) -> Iterator[str]:
        """The pieces of an exception's text; the causes first, as Python has it."""
        links = list(_links(error))
        if len(links) > MOST_LINKS:
            links = links[:MOST_LINKS]
            yield "[what led to it before is left out]\n"
        for link, why in reversed(links):
            yield from self._one(link, depth)
            yield why

    def _one(self, error: BaseException, depth: int) -> Iterator[str]:
        self._left -= 1
        if self._left < 0:
            yield "[more exceptions are left out]\n"
            return
        if isinstance(error, RemoteTraceback):
            yield error.text
            return
        frames = user_frames(error)
        if frames:
            yield "Traceback (most recent call last):\n"
            yield from _frame_lines(frames)
        yield f"{_set_in(error_text(error))}\n"
        yield from (f"    {_set_in(note)}\n" for note in _notes(error))
        if isinstance(error, BaseExceptionGroup):
            yield from self._members(error, depth)

    def _members(self, group: BaseExceptionGroup[BaseException], depth: int) -> Iterator[str]:
        if depth >= MOST_LINKS or self._left <= 0:
            yield "  [its members are left out]\n"
            return
        for number, member in enumerate(group.exceptions[:MOST_MEMBERS], 1):
            yield f"  +---------------- {number} ----------------\n"
            yield from (f"  | {line}\n" for line in "".join(self.chain(member, depth + 1)).splitlines())
        if len(group.exceptions) > MOST_MEMBERS:
            yield f"  [{len(group.exceptions) - MOST_MEMBERS:,} members left out]\n"


def _links(error: BaseException) -> Iterator[tuple[BaseException, str]]:
    """The exception and what led to it, each with what is said between it and the one that follows from it."""
    seen: set[int] = set()
    link: BaseException | None = error
    why = ""
    while link is not None and id(link) not in seen and len(seen) <= MOST_LINKS:
        seen.add(id(link))
        if isinstance(link.__cause__, RemoteTraceback):
            # Its text ends with this very exception.
            yield link.__cause__, why
            return
        yield link, why
        if link.__cause__ is not None:
            link, why = link.__cause__, _CAUSE
        else:
            link, why = None if link.__suppress_context__ else link.__context__, _CONTEXT


def user_frames(error: BaseException) -> Frames:
    """The frames of its traceback: from the user's first one on, monarq's only where they matter."""
    frames = list(_walk(error.__traceback__))
    of_user = [at for at, trace in enumerate(frames) if _is_users(trace)]
    is_on_purpose = isinstance(error, (MonarqError, TimeoutError))
    if of_user:
        return frames[of_user[0] : of_user[-1] + 1 if is_on_purpose else None]
    return frames if frames and _is_a_fault(error, frames[-1]) and not is_on_purpose else []


def _is_a_fault(error: BaseException, raised_at: TracebackType) -> bool:
    """Whether it may be monarq's own; a cancelling, as of an aborted job, is no `Exception`."""
    return isinstance(error, Exception) and _module_of(raised_at) not in (*_MACHINERY, *_CALLERS)


def _walk(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _is_users(trace: TracebackType) -> bool:
    module = _module_of(trace)
    is_ours = module.startswith("monarq.") and not module.startswith("monarq.examples.")
    return not is_ours and module not in _MACHINERY


def _module_of(trace: TracebackType) -> str:
    return str(trace.tb_frame.f_globals.get("__name__", ""))


def _frame_lines(frames: Frames) -> Iterator[str]:
    """The first and the last frames: in between, a recursion goes on and on."""
    half = MOST_FRAMES // 2
    if len(frames) <= MOST_FRAMES:
        yield from _formatted(frames)
        return
    yield from _formatted(frames[:half])
    yield f"  [{len(frames) - MOST_FRAMES:,} frames left out]\n"
    yield from _formatted(frames[-half:])


def _formatted(frames: Frames) -> list[str]:
    told = [traceback.extract_tb(trace, 1)[0] for trace in frames]
    return [truncate(line, 2000) for line in traceback.StackSummary.from_list(told).format()]


def _notes(error: BaseException) -> list[str]:
    notes = getattr(error, "__notes__", None)
    if not isinstance(notes, (list, tuple)):
        return []
    told = [
        truncate(note) if isinstance(note, str) else f"<a {qualified_name(type(note))}>" for note in notes[:MOST_NOTES]
    ]
    return told if len(notes) <= MOST_NOTES else [*told, f"[{len(notes) - MOST_NOTES:,} notes left out]"]


def _set_in(text: str) -> str:
    """A text with all lines but its first set in, so that none can pass for a line of a log's own."""
    return "\n    ".join(text.splitlines()) if text else text
