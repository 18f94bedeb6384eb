"""Reads the lines of a file or of stdin; lines of a pipe are returned as soon as they are written.

Only one chunk is in memory at a time, so that a file of a million lines can be enqueued.
"""

from __future__ import annotations

import asyncio
import codecs
import os
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from monarq.shared.errors import MonarqError

READ_BYTES: Final = 256 * 1024
MAX_LINE_BYTES: Final = 64 * 1024 * 1024
BATCH: Final = 5000


class InputError(MonarqError):
    """A file cannot be read, or one of its lines is invalid; the message names it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank, and its number, counted from 1."""

    number: int
    text: str


class LineReader:
    """Reads the lines of an open file.

    Attributes:
        name: the file's name in messages.
        size: its size in bytes; None for a pipe or a terminal.
        bytes_read: how much has been read.
    """

    def __init__(self, fd: int, name: str) -> None:
        """Reads nothing yet.

        Args:
            fd: the open file, which is not closed.
            name: the file's name in messages.

        Raises:
            InputError: it is a directory.
        """
        self.name = name
        self.bytes_read = 0
        self._fd = fd
        self._rest = b""
        self._number = 0
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{name} cannot be read: it is a directory")
        self._is_file = stat.S_ISREG(status.st_mode)
        self.size = status.st_size if self._is_file else None

    async def batches(self) -> AsyncIterator[list[Line]]:
        """The lines in batches, as they arrive, until the end of the file.

        Raises:
            InputError: the file cannot be read, or a line is not UTF-8 or too long.
        """
        while data := await self._read():
            fresh = data if self.bytes_read else data.removeprefix(codecs.BOM_UTF8)
            self.bytes_read += len(data)
            *whole, self._rest = (self._rest + fresh).split(b"\n")
            if len(self._rest) > MAX_LINE_BYTES:
                raise InputError(f"line {self._number + 1:,} of {self.name} is longer than {MAX_LINE_BYTES:,} bytes")
            for at in range(0, len(whole), BATCH):
                yield list(self._decode(whole[at : at + BATCH]))
        yield list(self._decode([self._rest]))

    def _decode(self, lines: list[bytes]) -> Iterator[Line]:
        for raw in lines:
            self._number += 1
            try:
                text = raw.decode().rstrip("\r")
            except UnicodeDecodeError as error:
                raise InputError(f"line {self._number:,} of {self.name} is not UTF-8: {error.reason}") from error
            if text.strip():
                yield Line(self._number, text)

    async def _read(self) -> bytes:
        """The available bytes; waits for some. Does not use a thread, since Ctrl-C could not interrupt its read."""
        try:
            if not self._is_file:
                await _until_readable(self._fd)
            return os.read(self._fd, READ_BYTES)
        except OSError as error:
            raise InputError(f"{self.name} cannot be read: {error.strerror}") from error


@contextmanager
def open_line_reader(path: str) -> Iterator[LineReader]:
    """The lines of a file; `-` is stdin.

    Raises:
        InputError: there is no such file, or it cannot be read.
    """
    if path == "-":
        yield LineReader(0, "stdin")
        return
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    try:
        yield LineReader(fd, path)
    finally:
        os.close(fd)


async def _until_readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    try:
        loop.add_reader(fd, readable.set)
    except PermissionError:
        return  # a device such as /dev/null cannot be waited for, and is always ready
    try:
        await readable.wait()
    finally:
        loop.remove_reader(fd)
