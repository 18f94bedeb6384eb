"""Lines come as they are written, in pieces of any size, and never all at once."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from monarq.cli.enqueue import line_reader as module
from monarq.cli.enqueue.line_reader import InputError, LineReader, open_line_reader


async def read_all(path: Path) -> list[tuple[int, str]]:
    with open_line_reader(str(path)) as lines:
        return [(line.number, line.text) async for batch in lines.batches() for line in batch]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"a\nb\n", [(1, "a"), (2, "b")]),
        (b"a\n\n  \nb", [(1, "a"), (4, "b")]),
        (b"a\r\nb\r\n", [(1, "a"), (2, "b")]),
        (b"\xef\xbb\xbf[1]\n", [(1, "[1]")]),
        ("ä\n€".encode(), [(1, "ä"), (2, "€")]),
        (b" a \n", [(1, " a ")]),
    ],
)
async def test_what_a_line_is(tmp_path: Path, data: bytes, expected: list[tuple[int, str]]) -> None:
    path = tmp_path / "lines"
    path.write_bytes(data)
    assert await read_all(path) == expected


@pytest.mark.parametrize("read_bytes", [1, 2, 3, 7])
async def test_reads_may_end_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_bytes: int) -> None:
    path = tmp_path / "lines"
    path.write_text("eins\n\nzwölf €\nende")
    monkeypatch.setattr(module, "READ_BYTES", read_bytes)
    assert await read_all(path) == [(1, "eins"), (3, "zwölf €"), (4, "ende")]


async def test_a_large_file_comes_in_batches(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("".join(f"{n}\n" for n in range(100_000)))
    with open_line_reader(str(path)) as lines:
        batches = [batch async for batch in lines.batches()]
        assert lines.bytes_read == lines.size == path.stat().st_size
    assert max(map(len, batches)) <= module.BATCH
    assert [line.text for batch in batches for line in batch] == [str(n) for n in range(100_000)]


async def test_a_pipe_holds_nothing_back() -> None:
    reader, writer = os.pipe()
    lines = LineReader(reader, "a pipe")
    batches = lines.batches()
    try:
        os.write(writer, b"first\nsec")
        assert [line.text for line in await anext(batches)] == ["first"]
        coming = asyncio.ensure_future(anext(batches))
        await asyncio.sleep(0)
        assert not coming.done()
        os.write(writer, b"ond\n")
        assert [line.text for line in await coming] == ["second"]
    finally:
        os.close(writer)
        assert [line async for batch in batches for line in batch] == []
        os.close(reader)


async def test_waiting_for_a_pipe_can_be_cancelled() -> None:
    reader, writer = os.pipe()
    try:
        coming = asyncio.ensure_future(anext(LineReader(reader, "a pipe").batches()))
        await asyncio.sleep(0)
        coming.cancel()
        with pytest.raises(asyncio.CancelledError):
            await coming
    finally:
        os.close(reader)
        os.close(writer)


async def test_a_device_ends_at_once() -> None:
    assert await read_all(Path(os.devnull)) == []


async def test_a_line_that_is_no_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"fine\n\nbad \xff\n")
    with pytest.raises(InputError, match=r"line 3 of .*lines is not UTF-8"):
        await read_all(path)


async def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"short\n" + b"x" * 3000)
    monkeypatch.setattr(module, "MAX_LINE_BYTES", 1000)
    monkeypatch.setattr(module, "READ_BYTES", 100)
    with pytest.raises(InputError, match=r"line 2 of .* is longer than"):
        await read_all(path)


async def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        await read_all(tmp_path / "missing")
    with pytest.raises(InputError, match="it is a directory"):
        await read_all(tmp_path)
