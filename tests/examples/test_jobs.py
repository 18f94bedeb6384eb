"""The examples' jobs: each kind on a real pool, and the arithmetic by itself."""

from __future__ import annotations

import asyncio
import bz2
import hashlib
from math import isqrt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monarq import Producer
from monarq.examples.harness.slow_server import SlowServer
from monarq.examples.jobs import (
    BLOCK,
    add,
    count_primes,
    draw_row,
    fail,
    fetch,
    flaky,
    pack_file,
    primes_up_to,
    read_size,
    sleep_ms,
)

SECONDS = 20


def is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, isqrt(number) + 1))


@given(low=st.integers(-10, 2000), length=st.integers(-10, 300))
def test_primes_are_counted_as_by_trial_division(low: int, length: int) -> None:
    assert count_primes(low, low + length) == sum(is_prime(number) for number in range(low, low + length))


def test_primes_are_counted_across_blocks() -> None:
    assert count_primes(BLOCK - 1000, 2 * BLOCK + 1000) == sum(map(is_prime, range(BLOCK - 1000, 2 * BLOCK + 1000)))
    assert primes_up_to(30) == [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]
    assert primes_up_to(0) == primes_up_to(1) == []


def test_a_picture_is_the_same_above_and_below_its_middle() -> None:
    assert draw_row(30, 40, 100, 50) == draw_row(70, 40, 100, 50)
    assert draw_row(50, 40, 100, 50).count(50) > 0


async def test_every_kind_of_job_gives_its_result(producer: Producer, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"some text, many times. " * 1000)

    assert await (await producer.enqueue(add, 1, 2)).result(timeout=SECONDS) == 3
    assert await (await producer.enqueue(sleep_ms, 5)).result(timeout=SECONDS) == 5
    assert await (await producer.enqueue(count_primes, 0, 100)).result(timeout=SECONDS) == 25
    assert await (await producer.enqueue(read_size, str(source))).result(timeout=SECONDS) == source.stat().st_size
    assert await (await producer.enqueue(flaky, 7)).result(timeout=SECONDS) == 7

    digest = await (await producer.enqueue(pack_file, str(source), str(target))).result(timeout=SECONDS)
    assert digest == hashlib.sha256(source.read_bytes()).hexdigest()
    assert bz2.decompress(target.read_bytes()) == source.read_bytes()
    assert target.stat().st_size < source.stat().st_size


async def test_a_job_that_fails_raises_where_its_result_is_waited_for(producer: Producer) -> None:
    with pytest.raises(ValueError, match="job number 4 fails"):
        await (await producer.enqueue(fail, 4)).result(timeout=SECONDS)


async def test_a_page_is_fetched() -> None:
    with SlowServer(latency_s=0) as server:
        assert (await fetch(f"{server.url}/here")).startswith("This is the page at /here.\n")


@pytest.mark.parametrize(
    ("answer", "told"),
    [(b"HTTP/1.0 503 Service Unavailable\r\n\r\nlater", "answered HTTP/1.0 503 Service"), (b"", "answered nothing")],
)
async def test_a_page_that_is_refused_is_an_error(answer: bytes, told: str) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ConnectionError, match=told):
            await fetch(f"http://127.0.0.1:{port}/page")
