"""The jobs of all examples: ordinary functions with `@job`.

    monarq worker examples.jobs

`async def` runs on the workers' event loops (the io lane), plain `def` in a separate process beside each worker (the
cpu lane), and plain functions that only wait in a thread. Called directly, a job is an ordinary function.
"""

from __future__ import annotations

import asyncio
import bz2
import hashlib
from collections.abc import Sequence
from math import isqrt
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiofiles

from monarq import Context, Retry, SyncContext, job

# The io lane: up to 100 at once in each worker.


@job
async def add(a: int, b: int) -> int:
    """The sum: a minimal job."""
    return a + b


@job
async def sleep_ms(ms: int) -> int:
    """Waits, like a job that calls a slow service; returns the milliseconds."""
    await asyncio.sleep(ms / 1000)
    return ms


@job(timeout=10)
async def fetch(url: str) -> str:
    """The text of an http:// page.

    Raises:
        ConnectionError: the server did not answer with 200 OK.
    """
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    try:
        writer.write(f"GET {parts.path or '/'} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
        await writer.wait_closed()
    status = head.partition(b"\r\n")[0]
    if status.split()[1:2] != [b"200"]:
        raise ConnectionError(f"{url} answered {status.decode(errors='replace') or 'nothing'}")
    return body.decode()


@job(timeout=30)
async def pack_file(source: str, target: str) -> str:
    """Reads a file, writes a compressed copy of it, and returns the SHA-256 of its content."""
    async with aiofiles.open(source, "rb") as file:
        content = await file.read()
    # Compressing takes CPU time, so a thread does it, and the worker's other jobs go on meanwhile.
    digest, packed = await asyncio.to_thread(hash_and_pack, content)
    async with aiofiles.open(target, "wb") as file:
        await file.write(packed)
    return digest


def hash_and_pack(content: bytes) -> tuple[str, bytes]:
    """The SHA-256 of some bytes, and the same bytes compressed."""
    return hashlib.sha256(content).hexdigest(), bz2.compress(content)


# The cpu lane: one job at a time beside each worker, and there is one worker per core.

BLOCK: Final = 250_000
"""How many numbers are sieved together: few enough for a core's own cache, as cores share the rest of the memory."""


@job(timeout=60)
def count_primes(low: int, high: int) -> int:
    """How many primes there are from `low` up to, but not including, `high`."""
    low = max(low, 2)
    primes = primes_up_to(isqrt(max(high, 0)))
    return sum(count_in_block(start, min(start + BLOCK, high), primes) for start in range(low, high, BLOCK))


@job(timeout=60)
def count_in_steps(ctx: SyncContext, below: int) -> int:
    """How many primes there are below a number; reports progress after each block."""
    primes = primes_up_to(isqrt(max(below, 0)))
    found = 0
    for start in range(2, below, BLOCK):
        found += count_in_block(start, min(start + BLOCK, below), primes)
        ctx.progress(start, below)
    return found


def count_in_block(low: int, high: int, primes: Sequence[int]) -> int:
    """How many primes there are from `low` (2 or more) up to `high`, by crossing out multiples of smaller primes."""
    is_prime = bytearray(b"\x01") * (high - low)
    for prime in primes:
        first = max(prime * prime, -(-low // prime) * prime)
        is_prime[first - low :: prime] = bytes(len(range(first, high, prime)))
    return is_prime.count(1)


def primes_up_to(limit: int) -> list[int]:
    """All primes from 2 to `limit`, by the sieve of Eratosthenes."""
    is_prime = bytearray(b"\x01") * (limit + 1)
    is_prime[:2] = bytes(2)
    for number in range(2, isqrt(limit) + 1):
        if is_prime[number]:
            is_prime[number * number :: number] = bytes(len(range(number * number, limit + 1, number)))
    return [number for number in range(limit + 1) if is_prime[number]]


@job(timeout=60)
def draw_rows(ctx: SyncContext, first: int, last: int, width: int, height: int, longest: int) -> list[list[int]]:
    """Rows of a picture of the Mandelbrot set, from `first` up to `last`: the steps until each point escapes.

    It reports progress after each point; monarq limits how many reports it sends.
    """
    rows: list[list[int]] = []
    for row in range(first, last):
        points: list[int] = []
        for column in range(width):
            points.append(count_steps(place_of(column, row, width, height), longest))
            ctx.progress(len(rows) * width + column + 1, (last - first) * width)
        rows.append(points)
    return rows


def draw_row(row: int, width: int, height: int, longest: int) -> list[int]:
    """One row of the picture, without progress reports."""
    return [count_steps(place_of(column, row, width, height), longest) for column in range(width)]


def place_of(column: int, row: int, width: int, height: int) -> complex:
    """The place of a point of the picture in the plane."""
    return complex(3.2 * column / width - 2.2, 2.4 * row / height - 1.2)


def count_steps(point: complex, longest: int) -> int:
    """How many times z -> z*z + point keeps z near zero, at most `longest`."""
    z = 0j
    for steps in range(longest):
        if abs(z) > 2:
            return steps
        z = z * z + point
    return longest


# The thread lane: plain functions that only wait, for drivers and files without an asynchronous API.


@job(lane="thread")
def read_size(path: str) -> int:
    """The size of a file, in bytes."""
    return Path(path).stat().st_size


# Failures: an exception fails the job, Retry asks for a retry.


@job
async def fail(n: int) -> None:
    """Always raises.

    Raises:
        ValueError: every time.
    """
    raise ValueError(f"job number {n} fails, as intended")


@job
async def flaky(ctx: Context, n: int) -> int:
    """Returns the number on its second try; the first try asks for a retry a tenth of a second later.

    Raises:
        Retry: on the first try.
    """
    if ctx.job_try == 1:
        raise Retry(defer=0.1)
    return n
