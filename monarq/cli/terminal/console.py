"""What commands say to a person: results go to stdout, everything else to stderr, and an error is one line."""

from __future__ import annotations

import os
import re
import sys
import traceback
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from monarq.shared.text.printable import printable, printable_lines

if TYPE_CHECKING:
    from rich.console import Console

FAILED: Final = 1
"""Exit code: the command did its work and what it worked on failed, or monarq itself has a bug."""

REFUSED: Final = 2
"""Exit code: the command could not do its work; its one line on stderr says why."""

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C, as shells give it."""

PIPE_WIDTH: Final = 10_000
"""Columns of a table that goes into a file or a pipe: nothing is cut off there, nor broken over lines."""

_USER_IN_URL: Final = re.compile(r"(\w+://)\S*@")


@dataclass(slots=True)
class Reporter:
    """How errors are told; the object of click's context.

    Attributes:
        verbose: whether tracebacks are wanted.
    """

    verbose: bool = False

    def error(self, error: BaseException | str) -> None:
        """Tells of an error in one line on stderr, and of where it came from if that is wanted."""
        if self.verbose and isinstance(error, BaseException):
            _show_traceback(error)
        say(f"monarq: {one_line(str(error) or type(error).__name__)}")

    def bug(self, error: BaseException) -> None:
        """Tells of an error that nobody foresaw."""
        hint = "" if self.verbose else "; -v shows where"
        if self.verbose:
            _show_traceback(error)
        say(f"monarq: unexpected {type(error).__name__}: {one_line(str(error))}{hint}")


def _show_traceback(error: BaseException) -> None:
    # Python's own: here monarq's frames are what is asked for.
    sys.stderr.write(printable_lines(without_password("".join(traceback.format_exception(error)))))


def say(line: str) -> None:
    """Writes a line to stderr, without what may be a user or a password in a URL, or steers a terminal.

    Nobody has to read it.
    """
    try:
        sys.stderr.write(printable(without_password(line)) + "\n")
        sys.stderr.flush()
    except OSError:
        give_up(sys.stderr)


def give_up(stream: IO[str]) -> None:
    """Writes no more to a stream that takes nothing: Python would complain once more when it flushes at the end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


def put_out(lines: str) -> None:
    """Writes lines to stdout as they are."""
    sys.stdout.write(lines)
    sys.stdout.flush()


def one_line(message: str) -> str:
    """The message with its lines joined."""
    return " ".join(part.strip() for part in message.splitlines() if part.strip())


def without_password(message: str) -> str:
    """The message, with users and passwords of URLs left out."""
    return _USER_IN_URL.sub(r"\1…@", message)


def open_console(stream: IO[str]) -> Console:
    """A rich console on a stream: as wide as the terminal, or wide enough for everything where it is none."""
    from rich.console import Console

    is_terminal = stream.isatty()
    width = None if is_terminal or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, emoji=False, markup=False)
