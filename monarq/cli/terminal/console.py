"""The streams and exit codes of commands: results go to stdout, everything else to stderr; an error is one line."""

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
"""Exit code: the command ran, but a job or another object of it failed, or monarq itself has a bug."""

REFUSED: Final = 2
"""Exit code: the command could not run; its one line on stderr says why."""

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C, as in shells."""

TERMINATED: Final = 143
"""Exit code after SIGTERM, as in shells."""

PIPE_WIDTH: Final = 10_000
"""The width of tables in a file or a pipe, where nothing is cut or wrapped."""

_USER_IN_URL: Final = re.compile(r"(\w+://)\S*@")


@dataclass(slots=True)
class Reporter:
    """Prints errors; click's context holds it as its object.

    Attributes:
        verbose: whether tracebacks are wanted.
    """

    verbose: bool = False

    def error(self, error: BaseException | str) -> None:
        """Prints an error as one line on stderr, after its traceback if that is wanted."""
        if self.verbose and isinstance(error, BaseException):
            _show_traceback(error)
        say(f"monarq: {one_line(str(error) or type(error).__name__)}")

    def bug(self, error: BaseException) -> None:
        """Prints an unexpected error."""
        hint = "" if self.verbose else "; -v shows the traceback"
        if self.verbose:
            _show_traceback(error)
        say(f"monarq: unexpected {type(error).__name__}: {one_line(str(error))}{hint}")


def _show_traceback(error: BaseException) -> None:
    # Python's own traceback, since monarq's frames are wanted here.
    sys.stderr.write(printable_lines(without_password("".join(traceback.format_exception(error)))))


def say(line: str) -> None:
    """Writes a line to stderr, without control codes and without the users and passwords of URLs.

    A closed stderr is not an error.
    """
    try:
        sys.stderr.write(printable(without_password(line)) + "\n")
        sys.stderr.flush()
    except OSError:
        discard_output(sys.stderr)


def discard_output(stream: IO[str]) -> None:
    """Discards further output to a broken stream: Python would raise again when it flushes the stream at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


def write_out(lines: str) -> None:
    """Writes lines to stdout, unchanged."""
    sys.stdout.write(lines)
    sys.stdout.flush()


def one_line(message: str) -> str:
    """The message with its lines joined."""
    return " ".join(part.strip() for part in message.splitlines() if part.strip())


def without_password(message: str) -> str:
    """The message without the users and passwords of URLs."""
    return _USER_IN_URL.sub(r"\1…@", message)


def open_console(stream: IO[str]) -> Console:
    """A rich console on a stream: as wide as the terminal, or `PIPE_WIDTH` wide if it is not a terminal."""
    from rich.console import Console

    is_terminal = stream.isatty()
    width = None if is_terminal or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, emoji=False, markup=False)
